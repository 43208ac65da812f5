//! linear_forward, linear_backward_input, linear_backward_weight.

use super::plan::{Dispatch, Plan, RowsWords, Shapes, groups, uniform};
use super::tuning::{Product, Variant};
use crate::dims::padded;
use crate::gpu::AdapterClass;
use crate::program::Op;
use crate::program::Rows;
use crate::program::op::{Activated, FeedForward, LinearBackwardInput, LinearBackwardWeight, LinearForward};
use crate::program::tensor::{GRADS, PARAMS, STEPS};

/// Whether all rows start at multiples of four words and are whole fours.
fn fours(rows: &Rows) -> bool {
    [rows.offset, rows.width, rows.outer_stride, rows.inner_stride].iter().all(|words| words.is_multiple_of(4))
}

/// How a product of `rows` by `columns` is cut.
struct Cut {
    variant: Variant,
    /// Blocks side by side in a workgroup.
    column_lanes: usize,
    /// Workgroups side by side, and one after another.
    column_groups: usize,
    row_groups: usize,
}

impl Cut {
    /// Blocks are 8 rows of `columns_each` columns in registers alone, of four in tiles.
    ///
    /// Software adapters keep everything in registers: their workgroup memory is main memory. Real GPUs get tiles of
    /// 64 by 64, or of 128 by 32 where columns are few: 128 invocations with 32 sums each, an estimated 90 registers, so that five
    /// workgroups share one of an H200's 132 multiprocessors (65,536 registers) and 12.5 KiB of workgroup memory each. A
    /// step of the sum is three vec4 loads from workgroup memory, two of which all of a row's invocations share, for 32
    /// multiply-adds: arithmetic, not memory, is what a tile waits for. Larger blocks would halve those loads and leave
    /// most of the models' products (1,920 by 256, 896 by 96) with fewer workgroups than such a card has multiprocessors.
    fn new(variant: Variant, rows: usize, columns: usize, columns_each: usize) -> Self {
        let (lanes, column_lanes, columns_each) = match variant {
            Variant::Registers => (64, columns.div_ceil(columns_each).next_power_of_two().min(64), columns_each),
            Variant::Square => (128, 16, 4),
            Variant::Tall => (128, 8, 4),
        };
        let column_groups = columns.div_ceil(column_lanes * columns_each);
        Cut { variant, column_lanes, column_groups, row_groups: rows.div_ceil(8 * lanes / column_lanes) }
    }

    fn shader(&self, registers: &'static str, tiles: &'static str) -> &'static str {
        if self.variant == Variant::Registers { registers } else { tiles }
    }

    fn blocks(&self) -> usize {
        self.column_groups * self.row_groups
    }
}

/// The product that an op is, if it is one.
pub fn product(op: &Op) -> Option<Product> {
    match op {
        Op::LinearForward(op) => Some(forward_product(op)),
        Op::LinearBackwardInput(op) => Some(input_product(op)),
        Op::LinearBackwardWeight(op) => Some(weight_product(op)),
        _ => None,
    }
}

fn forward_product(op: &LinearForward) -> Product {
    let (rows, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    Product { op: "linear_forward", rows, inputs, beside: 0, outputs }
}

fn input_product(op: &LinearBackwardInput) -> Product {
    let (rows, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    Product { op: "linear_backward_input", rows, inputs, beside: 0, outputs }
}

fn weight_product(op: &LinearBackwardWeight) -> Product {
    let (inputs, outputs) = op.widths();
    let beside = op.beside.map_or(0, |beside| beside.input.width);
    Product { op: "linear_backward_weight", rows: op.count(), inputs, beside, outputs }
}

/// Columns of a weight's gradient in tiles: those of a second input come after the first's, each input's in whole fours.
fn weight_columns(product: &Product) -> usize {
    match product.beside {
        0 => product.inputs,
        beside => product.inputs.next_multiple_of(4) + beside.next_multiple_of(4),
    }
}

/// A weight's gradient in tiles as the weight lies; blocks in registers have outputs side by side.
fn weight_cut(product: &Product, variant: Variant) -> Cut {
    match variant {
        Variant::Registers => Cut::new(variant, product.inputs.max(product.beside), product.outputs, 8),
        Variant::Square | Variant::Tall => Cut::new(variant, product.outputs, weight_columns(product), 4),
    }
}

/// Words of a weight's and its bias's gradients, of both inputs.
fn weight_words(product: &Product) -> usize {
    let biases = if product.beside > 0 { 2 } else { 1 };
    product.outputs * (product.inputs + product.beside + biases)
}

/// Splits of a weight's sum without a measurement; `None` where a product has none.
pub fn default_splits(class: AdapterClass, product: &Product, variant: Variant) -> Option<usize> {
    let blocks = || weight_cut(product, variant).blocks();
    (product.op == "linear_backward_weight").then(|| splits(class, product.rows, weight_words(product), blocks()))
}

uniform! {
    LinearForwardParams {
        input: RowsWords,
        output: RowsWords,
        skip: RowsWords,
        after: RowsWords,
        first: u32,
        site: u32,
        steps_row: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
    }
}

pub fn linear_forward(op: &LinearForward, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let cut = Cut::new(shapes.variant(&forward_product(op), outputs), count, outputs, 4);
    // Something must be bound where nothing is added.
    let nothing = Rows::dense(op.input.tensor, 0, 0);
    let skip = op.residual.map_or(nothing, |residual| residual.skip);
    let after = op.activated.map(|activated| activated.rows);
    let (first, site) = match (op.residual, op.activated) {
        (Some(residual), _) => (residual.first, residual.site),
        (None, Some(activated)) => (activated.first, activated.site),
        (None, None) => (0, 0),
    };
    let params = LinearForwardParams {
        input: shapes.rows(&op.input),
        output: shapes.rows(&op.output),
        skip: shapes.rows(&skip),
        after: shapes.rows(&after.unwrap_or(nothing)),
        first: first as u32,
        site,
        steps_row: shapes.steps_row(),
        weight: op.weight as u32,
        bias: op.bias as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: cut.column_lanes as u32,
        column_groups: cut.column_groups as u32,
        fours: u32::from(fours(&op.input) && op.weight.is_multiple_of(4)),
    };
    let bindings = [
        ("steps", STEPS),
        ("params", PARAMS),
        ("input", op.input.tensor),
        ("skip", skip.tensor),
        ("output", op.output.tensor),
    ];
    let shader = cut.shader("linear_forward", "linear_forward_tiled");
    let work = 2 * count * inputs * outputs;
    let dispatch = Dispatch::new(shader, &params, &bindings, groups(cut.blocks(), 1), work);
    let dispatch = dispatch.constant("RESIDUAL", u32::from(op.residual.is_some()));
    let dispatch = dispatch.constant("ACTIVATION", activation(&op.activated));
    match after {
        Some(after) => Plan::one(dispatch.tensor("after", after.tensor)),
        None => Plan { scratch: vec![1], dispatches: vec![dispatch.scratch("after", 0)] },
    }
}

/// As the shaders' `ACTIVATION` counts.
fn activation(activated: &Option<Activated>) -> u32 {
    match activated.map(|activated| activated.kind) {
        None => 0,
        Some(FeedForward::Gelu) => 1,
        Some(FeedForward::Relu) => 2,
    }
}

uniform! {
    LinearBackwardInputParams {
        d_output: RowsWords,
        d_input: RowsWords,
        skip: RowsWords,
        first: u32,
        site: u32,
        steps_row: u32,
        weight: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
    }
}

pub fn linear_backward_input(op: &LinearBackwardInput, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    let cut = Cut::new(shapes.variant(&input_product(op), inputs), count, inputs, 4);
    // Something must be bound where nothing is added.
    let beside = op.skip.or(op.activated.map(|activated| activated.rows));
    let skip = beside.unwrap_or(Rows::dense(op.d_output.tensor, 0, 0));
    let params = LinearBackwardInputParams {
        d_output: shapes.rows(&op.d_output),
        d_input: shapes.rows(&op.d_input),
        skip: shapes.rows(&skip),
        first: op.activated.map_or(0, |activated| activated.first as u32),
        site: op.activated.map_or(0, |activated| activated.site),
        steps_row: shapes.steps_row(),
        weight: op.weight as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: cut.column_lanes as u32,
        column_groups: cut.column_groups as u32,
        fours: u32::from(fours(&op.d_output) && inputs.is_multiple_of(4) && op.weight.is_multiple_of(4)),
    };
    let bindings = [
        ("steps", STEPS),
        ("params", PARAMS),
        ("d_output", op.d_output.tensor),
        ("skip", skip.tensor),
        ("d_input", op.d_input.tensor),
    ];
    let shader = cut.shader("linear_backward_input", "linear_backward_input_tiled");
    let work = 2 * count * inputs * outputs;
    let dispatch = Dispatch::new(shader, &params, &bindings, groups(cut.blocks(), 1), work);
    Plan::one(dispatch.constant("ACTIVATION", activation(&op.activated)))
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
    }
}

uniform! {
    LinearBackwardWeightTiledParams {
        input: RowsWords,
        beside: RowsWords,
        d_output: RowsWords,
        d_weight: u32,
        d_bias: u32,
        beside_weight: u32,
        beside_bias: u32,
        sums_row: u32,
        sums_split: u32,
        split_rows: u32,
        blocks: u32,
        column_lanes: u32,
        column_groups: u32,
        d_output_fours: u32,
        input_fours: u32,
        beside_fours: u32,
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
    }
}

pub fn linear_backward_weight(op: &LinearBackwardWeight, shapes: &Shapes) -> Plan {
    let (count, (inputs, outputs)) = (op.count(), op.widths());
    let own = WeightWords { weights: outputs * inputs, outputs, d_weight: op.d_weight, d_bias: op.d_bias };
    let beside = op.beside.map(|beside| {
        let weights = outputs * beside.input.width;
        WeightWords { weights, outputs, d_weight: beside.d_weight, d_bias: beside.d_bias }
    });
    let words = own.words() + beside.map_or(0, |beside| beside.words());
    // In registers a second input is a dispatch of its own, for a choice in the loop would cost more.
    let of = weight_product(op);
    let beside_width = of.beside;
    let variant = shapes.variant(&of, weight_columns(&of));
    let registers = variant == Variant::Registers;
    let cut = weight_cut(&of, variant);
    let splits = shapes.tuned(&of).and_then(|tuned| tuned.splits);
    let splits = splits.unwrap_or_else(|| self::splits(shapes.class, count, words, cut.blocks()));
    let split_rows = count.div_ceil(splits).max(1);
    let splits_of = |rows: &Rows| rows.count.div_ceil(split_rows).max(1);
    let splits = op.parts.iter().map(|(input, _)| splits_of(input)).sum();
    let sums = Sums { words, direct: splits == 1, row: shapes.row(GRADS), splits };
    let mut dispatches = Vec::new();
    let mut first = 0;
    for (input, d_output) in &op.parts {
        let at = sums.at(own, first, 0);
        let beside_at = beside.map_or([0, 0], |beside| sums.at(beside, first, own.words()));
        if registers {
            let product = |input: &Rows, [d_weight, d_bias]: [u32; 2]| {
                let cut = Cut::new(variant, input.width, outputs, 8);
                let params = LinearBackwardWeightParams {
                    input: shapes.rows(input),
                    d_output: shapes.rows(d_output),
                    d_weight,
                    d_bias,
                    sums_row: sums.row(),
                    sums_split: words as u32,
                    split_rows: split_rows as u32,
                    blocks: cut.blocks() as u32,
                    column_lanes: cut.column_lanes as u32,
                    column_groups: cut.column_groups as u32,
                    fours: u32::from(fours(input) && fours(d_output)),
                };
                let bindings = [("input", input.tensor), ("d_output", d_output.tensor)];
                let workgroups = groups(splits_of(input) * cut.blocks(), 1);
                let work = 2 * input.count * input.width * outputs;
                sums.bind(Dispatch::new("linear_backward_weight", &params, &bindings, workgroups, work))
            };
            dispatches.push(product(input, at));
            dispatches.extend(op.beside.map(|beside| product(&beside.input, beside_at)));
        } else {
            // Something must be bound where there is no second input.
            let second = op.beside.map_or(*input, |beside| beside.input);
            let params = LinearBackwardWeightTiledParams {
                input: shapes.rows(input),
                beside: shapes.rows(&second),
                d_output: shapes.rows(d_output),
                d_weight: at[0],
                d_bias: at[1],
                beside_weight: beside_at[0],
                beside_bias: beside_at[1],
                sums_row: sums.row(),
                sums_split: words as u32,
                split_rows: split_rows as u32,
                blocks: cut.blocks() as u32,
                column_lanes: cut.column_lanes as u32,
                column_groups: cut.column_groups as u32,
                d_output_fours: u32::from(fours(d_output)),
                input_fours: u32::from(fours(input)),
                beside_fours: u32::from(fours(&second)),
            };
            let bindings = [("input", input.tensor), ("beside", second.tensor), ("d_output", d_output.tensor)];
            let workgroups = groups(splits_of(input) * cut.blocks(), 1);
            let work = 2 * input.count * (inputs + beside_width) * outputs;
            let product = Dispatch::new("linear_backward_weight_tiled", &params, &bindings, workgroups, work);
            dispatches.push(sums.bind(product.constant("BESIDE", u32::from(op.beside.is_some()))));
        }
        first += splits_of(input);
    }
    if sums.direct {
        return Plan { scratch: Vec::new(), dispatches };
    }
    dispatches.push(weight_sum(splits, own, beside, shapes));
    Plan { scratch: vec![splits * words], dispatches }
}

/// A weight's and its bias's gradients: how many words, and where they begin in a row of gradients.
#[derive(Clone, Copy)]
pub struct WeightWords {
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
    /// Of a split.
    words: usize,
    splits: usize,
    direct: bool,
    /// Words of a row of gradients.
    row: u32,
}

impl Sums {
    /// Where a weight and its bias begin in a row; `before` words of a split come before them.
    fn at(&self, of: WeightWords, split: usize, before: usize) -> [u32; 2] {
        let start = split * self.words + before;
        let at = if self.direct { [of.d_weight, of.d_bias] } else { [start, start + of.weights] };
        at.map(|word| word as u32)
    }

    /// Words from one replica's row to the next.
    fn row(&self) -> u32 {
        if self.direct { self.row } else { padded(self.splits * self.words) as u32 }
    }

    fn bind(&self, product: Dispatch) -> Dispatch {
        if self.direct { product.tensor("sums", GRADS) } else { product.scratch("sums", 0) }
    }
}

/// Adds up splits of one weight's and bias's gradients, or of two after one another, in the first piece of working memory.
pub fn weight_sum(splits: usize, own: WeightWords, beside: Option<WeightWords>, shapes: &Shapes) -> Dispatch {
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
    };
    let dispatch = Dispatch::new("linear_weight_sum", &params, &[("grads", GRADS)], groups(words, 64), splits * words);
    dispatch.scratch("sums", 0)
}
