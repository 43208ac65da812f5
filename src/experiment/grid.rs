//! A study's cells: one (arm, data set, model, look-back, width, training rows, test period) each, in which all methods and seeds
//! are compared.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::study::Study;
use crate::error::{Error, Result};
use crate::models::LinearPath;

/// What a study is repeated with. The cells of one arm are reported together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ArmKey {
    /// `none`, `last` or `mean-std`.
    pub instance_norm: String,
    /// The word of a [`LinearPath`]; cells of before there was one have none.
    #[serde(default = "no_path")]
    pub linear_path: String,
}

/// The linear path of cells that say nothing of it.
pub(super) fn no_path() -> String {
    LinearPath::None.to_string()
}

impl fmt::Display for ArmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instance norm {}", self.instance_norm)?;
        if self.linear_path != no_path() {
            write!(f, ", linear path {}", self.linear_path)?;
        }
        Ok(())
    }
}

/// One cell of the grid.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GridCell {
    /// The data set's name in the study.
    pub data: String,
    /// The word of its [`ModelKind`](crate::models::ModelKind).
    pub model: String,
    /// How the model reads its windows.
    #[serde(flatten)]
    pub arm: ArmKey,
    /// Input rows of a window.
    pub lookback: usize,
    /// Hidden units; of a transformer, the model width.
    pub width: usize,
    /// Training rows: the last so many of each series; 0 for all.
    pub train_rows: usize,
    /// Which of the study's test periods, from 1.
    pub origin: usize,
}

impl GridCell {
    /// Its name in files: `weather-lstm-last-l24-w32-all-o1`, with a linear path `weather-lstm-last-ridge-l24-w32-all-o1`.
    pub fn id(&self) -> String {
        let rows = if self.train_rows == 0 { "all".into() } else { format!("n{}", self.train_rows) };
        let ArmKey { instance_norm: norm, linear_path } = &self.arm;
        let path = if *linear_path == no_path() { String::new() } else { format!("-{linear_path}") };
        format!("{}-{}-{norm}{path}-l{}-w{}-{rows}-o{}", self.data, self.model, self.lookback, self.width, self.origin)
    }
}

/// All cells, in a fixed order.
pub fn cells(study: &Study) -> Vec<GridCell> {
    let mut cells = Vec::new();
    for arm in study.arms() {
        for data in study.data.keys() {
            for model in &study.models {
                for &lookback in &study.lookbacks {
                    for &width in &study.hidden {
                        for &train_rows in &study.train_rows {
                            for origin in 1..=study.origins {
                                let (data, model) = (data.clone(), model.clone());
                                let arm = arm.clone();
                                cells.push(GridCell { data, model, arm, lookback, width, train_rows, origin });
                            }
                        }
                    }
                }
            }
        }
    }
    cells
}

/// The i-th of n parts of a grid, from 1. It holds every n-th cell, so that parts take about equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
}

impl Shard {
    /// `I/N`, I from 1 to N.
    pub fn parse(text: &str) -> Result<Shard> {
        let parsed = text.split_once('/').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
        match parsed {
            Some((number, of)) if 1 <= number && number <= of => Ok(Shard { number, of }),
            _ => {
                let help = "write I/N with I from 1 to N, as in 2/8";
                Err(Error::config("shard", format!("{text:?} is no part of a whole"), help))
            }
        }
    }

    /// The cells of this part.
    #[must_use]
    pub fn of(self, cells: Vec<GridCell>) -> Vec<GridCell> {
        cells.into_iter().skip(self.number - 1).step_by(self.of).collect()
    }
}
