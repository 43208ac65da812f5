//! linear_backward_weight, and the sum of splits that other weights' gradients share; in `tiles.rs`, its variant in tiles.

mod tiles;

use super::{Cut, fours, start_in_fours, tiled};
use crate::dims::padded;
use crate::gpu::AdapterClass;
use crate::kernels::lower::{Dispatch, Lowered, RowsWords, Shapes, groups, uniform};
use crate::kernels::tuning::{Product, Tiling};
use crate::program::Rows;
use crate::program::op::LinearBackwardWeight;
use crate::program::tensor::GRADS;

use tiles::{DEPTH, Operands, in_tiles};

pub(super) fn weight_product(op: &LinearBackwardWeight) -> Product {
    let (inputs, outputs) = op.widths();
    let beside = op.beside.map_or(0, |beside| beside.input.width);
    Product { op: "linear_backward_weight", rows: op.count(), inputs, beside, outputs }
}

/// The columns of a weight's gradient in tiles: those of a second input are tiles of their own.
fn weight_columns(product: &Product) -> Vec<usize> {
    [product.inputs, product.beside].into_iter().filter(|&columns| columns > 0).collect()
}

/// Workgroups that share a split. A weight's gradient lies in tiles as the weight lies; blocks in registers have outputs
/// side by side.
fn weight_blocks(product: &Product, tiling: Tiling) -> usize {
    match tiling.panels() {
        None => Cut::registers(product.inputs.max(product.beside), product.outputs, 8).blocks(),
        Some(panels) => {
            let cuts = weight_columns(product).into_iter().map(|columns| Cut::tiles(panels, product.outputs, columns));
            cuts.map(|cut| cut.blocks()).sum()
        }
    }
}

/// Words of a weight's and its bias's gradients, of both inputs.
fn weight_words(product: &Product) -> usize {
    let biases = if product.beside > 0 { 2 } else { 1 };
    product.outputs * (product.inputs + product.beside + biases)
}

/// Splits of a weight's sum without a measurement; `None` where a product has none.
pub(crate) fn default_splits(class: AdapterClass, product: &Product, tiling: Tiling) -> Option<usize> {
    let blocks = || weight_blocks(product, tiling);
    (product.op == "linear_backward_weight").then(|| splits(class, product.rows, weight_words(product), blocks()))
}

/// Splits of a sum over `rows` for a weight of `words`, cut into `blocks` workgroups, by class of adapter.
///
/// Software adapters: 256 rows each. Real GPUs: so many that all splits together are some 512 workgroups, four for each of
/// an H200's 132 multiprocessors (or 64, for the eight to sixteen of an integrated one), but no split of fewer rows than
/// pay for writing its sums and reading them back.
fn splits(class: AdapterClass, rows: usize, words: usize, blocks: usize) -> usize {
    let (wanted, most_words) = match class {
        AdapterClass::Software => (rows.div_ceil(256), 1 << 20),
        AdapterClass::Integrated => ((64 / blocks).min(rows / 128), 1 << 20),
        AdapterClass::Discrete => ((512 / blocks).min(rows / 128), 1 << 22),
    };
    wanted.min(most_words / words).max(1)
}

uniform! {
    LinearBackwardWeightParams {
        input: RowsWords,
        d_output: RowsWords,
        d_weight: u32,
        d_bias: u32,
        sums_row: u32,
        sums_split: u32,
        split_rows: u32,
        blocks: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
        first_group: u32,
    }
}

uniform! {
    LinearWeightSumParams {
        weights: u32,
        outputs: u32,
        beside_weights: u32,
        words: u32,
        splits: u32,
        sums_row: u32,
        grads_row: u32,
        d_weight: u32,
        d_bias: u32,
        beside_weight: u32,
        beside_bias: u32,
        first_group: u32,
    }
}

pub(crate) fn linear_backward_weight(op: &LinearBackwardWeight, shapes: &Shapes) -> Lowered {
    let of = weight_product(op);
    let outputs = of.outputs;
    let own = WeightWords { weights: outputs * of.inputs, outputs, d_weight: op.d_weight, d_bias: op.d_bias };
    let beside = op.beside.map(|beside| {
        let weights = outputs * of.beside;
        WeightWords { weights, outputs, d_weight: beside.d_weight, d_bias: beside.d_bias }
    });
    // Whether operands are read in fours: gradients past a row's end would be added up, inputs past it are only not stored.
    let left_fours = op.parts.iter().all(|(_, d_output)| fours(d_output));
    let inputs = op.parts.iter().map(|(input, _)| input).chain(op.beside.as_ref().map(|beside| &beside.input));
    let right_fours = inputs.into_iter().all(start_in_fours);
    let tiling = shapes.tiling(&of, &weight_columns(&of), left_fours && right_fours);
    let splits = shapes.tuned(&of).and_then(|tuned| tuned.splits);
    let splits =
        splits.unwrap_or_else(|| self::splits(shapes.class, of.rows, weight_words(&of), weight_blocks(&of, tiling)));
    // In tiles whole steps of workgroup memory, but for the last.
    let unit = if tiling == Tiling::Registers { 1 } else { DEPTH };
    let split_rows = of.rows.div_ceil(splits).max(1).next_multiple_of(unit);
    let splits_of = |rows: &Rows| rows.count.div_ceil(split_rows).max(1);
    let splits = op.parts.iter().map(|(input, _)| splits_of(input)).sum();
    let sums = Sums { own, beside, splits, split_rows, grads_row: shapes.row(GRADS) };
    let mut dispatches = Vec::new();
    let mut first = 0;
    for (input, d_output) in &op.parts {
        let own_splits = splits_of(input);
        match tiling.panels() {
            // A second input is a dispatch of its own, for a choice in the loop would cost more.
            None => {
                dispatches.push(in_registers(input, d_output, sums.at(first), own_splits, &sums, shapes));
                let second = op.beside.map(|beside| {
                    in_registers(&beside.input, d_output, sums.beside_at(first), own_splits, &sums, shapes)
                });
                dispatches.extend(second);
            }
            Some(panels) => {
                let parts = Operands { input, second: op.beside.as_ref().map(|beside| &beside.input), d_output };
                let product = in_tiles(parts, panels, sums.at(first), sums.beside_at(first), own_splits, &sums, shapes);
                dispatches.push(tiled(product, panels, left_fours, right_fours));
            }
        }
        first += own_splits;
    }
    if sums.direct() {
        return Lowered { scratch: Vec::new(), dispatches };
    }
    dispatches.push(weight_sum(splits, own, beside, shapes));
    Lowered { scratch: vec![splits * sums.words()], dispatches }
}

/// One input's product in registers, whose weight's and bias's sums begin at these words.
fn in_registers(
    input: &Rows,
    d_output: &Rows,
    [d_weight, d_bias]: [u32; 2],
    splits: usize,
    sums: &Sums,
    shapes: &Shapes,
) -> Dispatch {
    let cut = Cut::registers(input.width, d_output.width, 8);
    let params = LinearBackwardWeightParams {
        input: shapes.rows(input),
        d_output: shapes.rows(d_output),
        d_weight,
        d_bias,
        sums_row: sums.row(),
        sums_split: sums.words() as u32,
        split_rows: sums.split_rows as u32,
        blocks: cut.blocks() as u32,
        column_lanes: cut.column_lanes as u32,
        column_groups: cut.column_groups as u32,
        fours: u32::from(fours(input) && fours(d_output)),
        first_group: 0,
    };
    let bindings = [("input", input.tensor), ("d_output", d_output.tensor)];
    let work = 2 * input.count * input.width * d_output.width;
    let workgroups = groups(splits * cut.blocks(), 1);
    sums.bind(Dispatch::new("linear_backward_weight", &params, &bindings, workgroups, work))
}

/// A weight's and its bias's gradients: how many words, and where they begin in a row of gradients.
#[derive(Clone, Copy)]
pub(crate) struct WeightWords {
    /// O·I
    pub weights: usize,
    /// O
    pub outputs: usize,
    pub d_weight: usize,
    pub d_bias: usize,
}

impl WeightWords {
    fn words(&self) -> usize {
        self.weights + self.outputs
    }
}

/// Where products leave their sums: in working memory, split after split, or as the gradients themselves where there is one.
struct Sums {
    own: WeightWords,
    beside: Option<WeightWords>,
    splits: usize,
    split_rows: usize,
    grads_row: u32,
}

impl Sums {
    /// Of a split.
    fn words(&self) -> usize {
        self.own.words() + self.beside.map_or(0, |beside| beside.words())
    }

    fn direct(&self) -> bool {
        self.splits == 1
    }

    /// Where the weight and its bias begin in a row.
    fn at(&self, split: usize) -> [u32; 2] {
        self.place(self.own, split * self.words())
    }

    /// Where those of the second input begin, if there is one.
    fn beside_at(&self, split: usize) -> [u32; 2] {
        self.beside.map_or([0, 0], |beside| self.place(beside, split * self.words() + self.own.words()))
    }

    fn place(&self, of: WeightWords, start: usize) -> [u32; 2] {
        let at = if self.direct() { [of.d_weight, of.d_bias] } else { [start, start + of.weights] };
        at.map(|word| word as u32)
    }

    /// Words from one replica's row to the next.
    fn row(&self) -> u32 {
        if self.direct() { self.grads_row } else { padded(self.splits * self.words()) as u32 }
    }

    fn bind(&self, product: Dispatch) -> Dispatch {
        if self.direct() { product.tensor("sums", GRADS) } else { product.scratch("sums", 0) }
    }
}

/// Adds up splits of one weight's and bias's gradients, or of two after one another, in the first piece of working memory.
pub(crate) fn weight_sum(splits: usize, own: WeightWords, beside: Option<WeightWords>, shapes: &Shapes) -> Dispatch {
    let second = beside.unwrap_or(WeightWords { weights: 0, outputs: 0, d_weight: 0, d_bias: 0 });
    let words = own.words() + second.words();
    let params = LinearWeightSumParams {
        weights: own.weights as u32,
        outputs: own.outputs as u32,
        beside_weights: second.weights as u32,
        words: words as u32,
        splits: splits as u32,
        sums_row: padded(splits * words) as u32,
        grads_row: shapes.row(GRADS),
        d_weight: own.d_weight as u32,
        d_bias: own.d_bias as u32,
        beside_weight: second.d_weight as u32,
        beside_bias: second.d_bias as u32,
        first_group: 0,
    };
    let dispatch = Dispatch::new("linear_weight_sum", &params, &[("grads", GRADS)], groups(words, 64), splits * words);
    dispatch.scratch("sums", 0)
}
