//! How a run's matrix products are cut on one adapter, chosen by measurement: made by autotuning, kept in the run's
//! configuration, and used again only for the same adapter and the same products.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::linear::product;
use crate::error::{Error, Result};
use crate::gpu::AdapterClass;
use crate::program::{List, Program};

/// How a product is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tiling {
    /// Blocks of sums in registers alone.
    #[serde(rename = "registers")]
    Registers,
    /// The same blocks in workgroup tiles of 64 rows by 64 columns.
    #[serde(rename = "64x64")]
    Square,
    /// In tiles of 64 rows by 32 columns.
    #[serde(rename = "64x32")]
    Tall,
}

impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tiling::Registers => "registers",
            Tiling::Square => "64x64",
            Tiling::Tall => "64x32",
        })
    }
}

impl Tiling {
    /// In the order in which autotuning tries them.
    pub const ALL: [Tiling; 3] = [Tiling::Registers, Tiling::Square, Tiling::Tall];

    /// What is taken without a measurement, by the class of adapter and one model's shape alone: the columns of a product, or
    /// those of two that share their rows and no tile.
    ///
    /// Wide tiles bring each row of the left operand half as often; narrow ones where they leave out a quarter of the columns
    /// past the edge. Where operands are read word by word, registers run short for narrow ones on Intel's compiler.
    #[must_use]
    pub fn of(class: AdapterClass, columns: &[usize], in_fours: bool) -> Self {
        let whole = |tile: usize| columns.iter().map(|columns| columns.next_multiple_of(tile)).sum::<usize>();
        match class {
            AdapterClass::Software => Tiling::Registers,
            AdapterClass::Integrated | AdapterClass::Discrete if in_fours && 4 * whole(32) <= 3 * whole(64) => {
                Tiling::Tall
            }
            AdapterClass::Integrated | AdapterClass::Discrete => Tiling::Square,
        }
    }

    /// Panels of 32 columns in a tile, if products are cut into tiles.
    #[must_use]
    pub fn panels(self) -> Option<usize> {
        match self {
            Tiling::Registers => None,
            Tiling::Square => Some(2),
            Tiling::Tall => Some(1),
        }
    }
}

/// A product of one model: what decides how it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// The op's label.
    pub op: &'static str,
    /// N
    pub rows: usize,
    /// I
    pub inputs: usize,
    /// Inputs of a second weight beside the first.
    pub beside: usize,
    /// O
    pub outputs: usize,
}

/// A product, and the choice made for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuned {
    /// The op's label.
    pub op: String,
    /// N
    pub rows: usize,
    /// I
    pub inputs: usize,
    /// Inputs of a second weight beside the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub beside: usize,
    /// O
    pub outputs: usize,
    /// The kernel that was fastest.
    #[serde(rename = "variant")]
    pub tiling: Tiling,
    /// Of a weight's gradient: into how many parts its sum over rows is split, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<usize>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Tuned {
    /// The choice for a product.
    #[must_use]
    pub fn new(product: &Product, tiling: Tiling, splits: Option<usize>) -> Self {
        let Product { op, rows, inputs, beside, outputs } = *product;
        Tuned { op: op.into(), rows, inputs, beside, outputs, tiling, splits }
    }

    /// Which product it is for.
    fn shape(&self) -> String {
        shape(&self.op, [self.rows, self.inputs, self.beside, self.outputs])
    }

    /// Whether it is the choice for this product.
    #[must_use]
    pub fn is_of(&self, product: &Product) -> bool {
        let Product { op, rows, inputs, beside, outputs } = *product;
        self.op == op && [self.rows, self.inputs, self.beside, self.outputs] == [rows, inputs, beside, outputs]
    }
}

/// The choices for all products of a program on one adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// The name of the adapter that was measured.
    pub adapter: String,
    /// In the order of the program.
    pub products: Vec<Tuned>,
}

impl Tuning {
    /// The choice for a product, if there is one.
    #[must_use]
    pub fn find(&self, product: &Product) -> Option<&Tuned> {
        self.products.iter().find(|tuned| tuned.is_of(product))
    }

    /// The choices for a program that may have fewer products.
    #[must_use]
    pub fn for_program(&self, program: &Program) -> Tuning {
        let products = products(program);
        let has = |tuned: &&Tuned| products.iter().any(|product| tuned.is_of(product));
        Tuning { adapter: self.adapter.clone(), products: self.products.iter().filter(has).cloned().collect() }
    }

    /// Fails, with names, where the choices were made for another adapter or for other products than the program's.
    pub fn check(&self, adapter: &str, program: &Program) -> Result<()> {
        let rejected = |problem: String| {
            let help = "measure anew with ‹autotune›, or remove the table [tuning] from the configuration";
            Err(Error::config("tuning", problem, help))
        };
        if self.adapter != adapter {
            return rejected(format!("made for the adapter `{}`, and this run is on `{adapter}`", self.adapter));
        }
        let products = products(program);
        if let Some(missing) = products.iter().find(|product| self.find(product).is_none()) {
            return rejected(format!("holds no choice for {missing}"));
        }
        if let Some(idle) = self.products.iter().find(|tuned| !products.iter().any(|product| tuned.is_of(product))) {
            return rejected(format!("this run has no {}", idle.shape()));
        }
        match self.products.iter().find(|tuned| tuned.splits == Some(0)) {
            Some(tuned) => rejected(format!("splits = 0 for {}: at least 1", tuned.shape())),
            None => Ok(()),
        }
    }
}

fn shape(op: &str, [rows, inputs, beside, outputs]: [usize; 4]) -> String {
    let beside = if beside > 0 { format!(" and {beside}") } else { String::new() };
    format!("{op} of {rows} rows, {inputs}{beside} inputs, {outputs} outputs")
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shape(self.op, [self.rows, self.inputs, self.beside, self.outputs]))
    }
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.shape(), self.tiling)?;
        match self.splits {
            None => Ok(()),
            Some(1) => f.write_str(", 1 split"),
            Some(splits) => write!(f, ", {splits} splits"),
        }
    }
}

/// A program's different products, in the order of its lists.
pub fn products(program: &Program) -> Vec<Product> {
    let mut found = Vec::new();
    for own in List::ALL.iter().flat_map(|&list| program.list(list)).filter_map(product) {
        if !found.contains(&own) {
            found.push(own);
        }
    }
    found
}
