//! What the recurrent kernels share: how hidden units and rows spread over workgroups, how time is cut, and where w_hh is read.

use std::ops::Range;

use super::lower::{Dispatch, Lowered, Shapes, Uniform, groups, uniform};
use crate::dims::padded;
use crate::gpu::AdapterClass;
use crate::program::TensorId;
use crate::program::op::{RecurrentBackward, RecurrentForward};
use crate::program::tensor::PARAMS;

/// The rearranged weights' place in the op's scratch.
const WEIGHTS: usize = 0;
/// The place of what waits between ranges of time.
const CARRY: usize = 1;
/// Most hidden units whose matrix the registers of a workgroup hold.
const MOST_HELD: usize = 64;
/// Most hidden units for which one workgroup runs all steps. With more, several workgroups share a step, and each dispatch is one
/// step, because only the end of a dispatch synchronizes workgroups.
const MOST_WALKING: usize = 256;

/// How a recurrent kernel reads its matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From memory at every step; an invocation owns one unit of four rows. For software adapters, which write registers to memory
    /// at each barrier and whose workgroup memory is main memory.
    Streamed,
    /// Once, into registers.
    Held,
    /// At every step once for a tile of rows.
    Tiled,
}

/// How an op's units and rows spread over workgroups: a function of one model's shape and of the adapter's class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub way: Way,
    /// Hidden units of a workgroup.
    pub units: usize,
    /// Batch rows of a workgroup.
    pub rows: usize,
    /// Workgroups that share a step.
    pub groups: usize,
}

impl Layout {
    /// `outputs`: words of a unit that are adjacent in the rearranged matrix; 4 in the forward kernels of LSTM and GRU, else 1.
    pub(super) fn of(outputs: usize, hidden: usize, batch: usize, class: AdapterClass) -> Self {
        let units_of = |choices: &[usize]| choices.iter().copied().find(|&units| hidden <= units).unwrap_or(64);
        let (way, units, mut rows, fewest) = match class {
            AdapterClass::Software => (Way::Streamed, units_of(&[32, 64, 128, MOST_WALKING]), 4, 4),
            _ if hidden <= MOST_HELD => (Way::Held, units_of(&[32]), 2, 1),
            _ => {
                let units = units_of(&[128, MOST_WALKING]);
                // An invocation holds 32 sums, a workgroup has 256.
                let rows = if units * outputs > 512 { 8 } else { 16 };
                // A dispatch of one step waits for the matrix: half the tile would read it twice.
                (Way::Tiled, units, rows, if units < hidden { rows } else { 8 })
            }
        };
        let groups = hidden.div_ceil(units);
        // Narrower tiles where wide ones leave a card idle: no forecast depends on them.
        while rows > fewest && batch.div_ceil(rows) * groups < class.workgroups() {
            rows /= 2;
        }
        Layout { way, units, rows, groups }
    }

    /// Workgroups of a batch, and those that share its units.
    fn workgroups(&self, batch: usize) -> [u32; 2] {
        [batch.div_ceil(self.rows) as u32, self.groups as u32]
    }

    /// The dispatch with the words that its kernel leaves open.
    fn open_words(&self, dispatch: Dispatch) -> Dispatch {
        match self.way {
            Way::Streamed => dispatch.lanes(self.units as u32),
            Way::Held | Way::Tiled => dispatch.constant("UNITS", self.units as u32).constant("ROWS", self.rows as u32),
        }
    }
}

/// Most steps of one dispatch.
const MAX_STEPS: usize = 4096;

/// The steps, cut into one range per dispatch. The cuts change no bit.
fn ranges(steps: usize, work_per_step: usize, layout: &Layout, shapes: &Shapes) -> Vec<Range<usize>> {
    let most = shapes.most_work as usize / shapes.program.replicas.max(1);
    let bounded = (most / work_per_step.max(1)).clamp(1, MAX_STEPS);
    let asked = shapes.max_steps.unwrap_or(steps).max(1);
    let length = if layout.groups > 1 { 1 } else { bounded.min(asked) };
    (0..steps).step_by(length).map(|begin| begin..(begin + length).min(steps)).collect()
}

/// What differs between the dispatches of an op: steps `begin..end`; and where the kernel reads w_hh.
pub(super) struct Part {
    pub begin: u32,
    pub end: u32,
    pub weights: u32,
    pub weights_row: u32,
}

/// How a recurrent op becomes dispatches: ranges of steps, one after the other.
pub(super) struct Walk<'a> {
    shapes: &'a Shapes<'a>,
    layout: Layout,
    packed: Packed,
    work_per_step: usize,
    /// In the order in which they run.
    ranges: Vec<Range<usize>>,
    workgroups: [u32; 2],
    carry: Option<usize>,
}

impl<'a> Walk<'a> {
    /// From the first step on; `outputs` as in [`Layout::of`], `packed` arranges w_hh.
    pub(super) fn forward(
        op: &RecurrentForward,
        outputs: usize,
        packed: fn(&RecurrentForward, Way) -> Packed,
        shapes: &'a Shapes<'a>,
    ) -> Self {
        let layout = Layout::of(outputs, op.hidden, op.batch, shapes.class);
        let packed = packed(op, layout.way);
        let work_per_step = 2 * op.cell.form().gates.len() * op.batch * op.hidden * (op.hidden + 12);
        let ranges = ranges(op.steps, work_per_step, &layout, shapes);
        let workgroups = layout.workgroups(op.batch);
        Walk { shapes, layout, packed, work_per_step, ranges, workgroups, carry: None }
    }

    /// From the last step back; `more`: the cell's own operations per unit and gate, in multiply-adds.
    pub(super) fn backward(op: &RecurrentBackward, more: usize, shapes: &'a Shapes<'a>) -> Self {
        let gates = op.cell.form().gates.len();
        let layout = Layout::of(1, op.hidden, op.batch, shapes.class);
        let packed = Packed::padded(op, layout.way);
        let work_per_step = 2 * gates * op.batch * op.hidden * (op.hidden + more);
        let mut ranges = ranges(op.steps, work_per_step, &layout, shapes);
        ranges.reverse();
        let workgroups = layout.workgroups(op.batch);
        Walk { shapes, layout, packed, work_per_step, ranges, workgroups, carry: None }
    }

    /// With so many words per replica, bound to `carry`, that each range leaves to the next.
    pub(super) fn carrying(self, words: usize) -> Self {
        Walk { carry: Some(words), ..self }
    }

    /// The dispatches; `kernels` are the names of the streamed, held and tiled kernel.
    pub(super) fn lower<P: Uniform>(
        self,
        kernels: [&'static str; 3],
        bindings: &[(&'static str, TensorId)],
        params: impl Fn(Part) -> P,
    ) -> Lowered {
        let [streamed, held, tiled] = kernels;
        let kernel = match self.layout.way {
            Way::Streamed => streamed,
            Way::Held => held,
            Way::Tiled => tiled,
        };
        let (weights, weights_row) = self.packed.place(self.shapes);
        let walking = self.ranges.iter().map(|range| {
            let params = params(Part { begin: range.start as u32, end: range.end as u32, weights, weights_row });
            let work = self.work_per_step * range.len();
            let dispatch = Dispatch::new(kernel, &params, bindings, self.workgroups, work);
            let bound = self.packed.bind(self.layout.open_words(dispatch));
            if self.carry.is_some() { bound.scratch("carry", CARRY) } else { bound }
        });
        Lowered {
            scratch: [self.packed.scratch_words()].into_iter().chain(self.carry).collect(),
            dispatches: self.packed.dispatch(self.shapes).into_iter().chain(walking).collect(),
        }
    }
}

uniform! {
    RecurrentWeightsParams {
        limit: u32,
        terms: u32,
        rows: u32,
        columns: u32,
        stride_n: u32,
        stride_j: u32,
        stride_v: u32,
        check_j: u32,
        check_v: u32,
        w_hh: u32,
        params_row: u32,
        packed_row: u32,
        first_group: u32,
    }
}

/// w_hh `[G, H, H]` in the order of a kernel: vec4 `[terms, rounded up to fours; columns]`. Each index has its stride in w_hh; the
/// last two also have their factor in the check against a limit. A kernel that holds w_hh in registers reads it from its place.
pub(super) struct Packed {
    hidden: usize,
    w_hh: usize,
    terms: usize,
    columns: usize,
    strides: [usize; 3],
    checks: [usize; 2],
    limit: usize,
    held: bool,
    /// Whether a step has one before it.
    read: bool,
}

impl Packed {
    /// `[k, unit]`, up to four gates in a vec4: for Σ_k w_hh[gate, unit, k] · h[k].
    pub(super) fn by_gate(op: &RecurrentForward, way: Way) -> Self {
        let (columns, limit) = (op.hidden, op.cell.form().gates.len());
        let (strides, checks) = ([1, op.hidden, op.hidden * op.hidden], [0, 1]);
        Packed { columns, strides, checks, limit, ..Self::transposed(op, way) }
    }

    /// `[gate · H + k, fours of units]`: for Σ_k w_hh[gate, k, unit] · d[k]; w_hh itself with its rows padded.
    fn padded(op: &RecurrentBackward, way: Way) -> Self {
        let terms = op.cell.form().gates.len() * op.hidden;
        Packed { terms, strides: [op.hidden, 4, 1], ..Self::fours(op.hidden, op.w_hh, op.steps, way) }
    }

    /// `[k, fours of units]`, of a cell with one gate: for Σ_k w_hh[unit, k] · h[k].
    pub(super) fn transposed(op: &RecurrentForward, way: Way) -> Self {
        Self::fours(op.hidden, op.w_hh, op.steps, way)
    }

    fn fours(hidden: usize, w_hh: usize, steps: usize, way: Way) -> Self {
        let (strides, checks) = ([1, 4 * hidden, hidden], [4, 1]);
        let (held, read) = (way == Way::Held, steps > 1);
        let (terms, columns, limit) = (hidden, hidden.div_ceil(4), hidden);
        Packed { hidden, w_hh, terms, columns, strides, checks, limit, held, read }
    }

    /// Whether the kernel reads w_hh from its place, or does not read it.
    fn in_place(&self) -> bool {
        let same = self.strides == [self.hidden, 4, 1] && self.hidden.is_multiple_of(4) && self.w_hh.is_multiple_of(4);
        self.held || !self.read || same
    }

    /// Words per replica of the copy, if one is made.
    fn scratch_words(&self) -> usize {
        if self.in_place() { 0 } else { self.words() }
    }

    fn rows(&self) -> usize {
        self.terms.next_multiple_of(4)
    }

    fn words(&self) -> usize {
        self.rows() * self.columns * 4
    }

    /// The first word of w_hh and the distance between replicas' rows: in words for a kernel that holds it, else in vec4.
    fn place(&self, shapes: &Shapes) -> (u32, u32) {
        let unit = if self.held { 1 } else { 4 };
        match self.in_place() {
            true => (self.w_hh as u32 / unit, shapes.row(PARAMS) / unit),
            false => (0, padded(self.words()) as u32 / unit),
        }
    }

    /// Binds a kernel's `weights`.
    fn bind(&self, dispatch: Dispatch) -> Dispatch {
        match self.in_place() {
            true => dispatch.tensor("weights", PARAMS),
            false => dispatch.scratch("weights", WEIGHTS),
        }
    }

    /// The dispatch that makes the copy, if one is made.
    fn dispatch(&self, shapes: &Shapes) -> Option<Dispatch> {
        if self.in_place() {
            return None;
        }
        let [stride_n, stride_j, stride_v] = self.strides.map(|stride| stride as u32);
        let [check_j, check_v] = self.checks.map(|check| check as u32);
        let params = RecurrentWeightsParams {
            limit: self.limit as u32,
            terms: self.terms as u32,
            rows: self.rows() as u32,
            columns: self.columns as u32,
            stride_n,
            stride_j,
            stride_v,
            check_j,
            check_v,
            w_hh: self.w_hh as u32,
            params_row: shapes.row(PARAMS),
            packed_row: padded(self.words()) as u32,
            first_group: 0,
        };
        let words = self.words();
        let copy = Dispatch::new("recurrent_weights", &params, &[("params", PARAMS)], groups(words, 64), words * 8);
        Some(copy.scratch("packed", WEIGHTS))
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, Way};
    use crate::gpu::AdapterClass::{Discrete, Integrated, Software};

    #[test]
    fn every_hidden_size_has_its_units() {
        for (hidden, class) in
            (1..=1024).flat_map(|hidden| [Software, Integrated, Discrete].map(|class| (hidden, class)))
        {
            for (outputs, batch) in [1, 4].into_iter().flat_map(|outputs| [1, 7, 64, 128, 4096].map(|b| (outputs, b))) {
                let layout = Layout::of(outputs, hidden, batch, class);
                assert!(layout.units * layout.groups >= hidden && layout.units * (layout.groups - 1) < hidden);
                assert_eq!(layout.groups == 1, hidden <= 256);
                assert_eq!(layout.way == Way::Held, hidden <= 64 && class != Software);
                assert!(layout.workgroups(batch)[0] as usize * layout.rows >= batch);
                let sums = layout.rows * layout.units * outputs;
                assert!(layout.way != Way::Tiled || sums <= 32 * 256, "an invocation holds 32 sums");
            }
        }
    }

    #[test]
    fn tiles_are_narrower_where_wide_ones_leave_a_card_idle() {
        let rows = |hidden, batch, class| [4, 1].map(|outputs| Layout::of(outputs, hidden, batch, class).rows);
        assert_eq!([64, 128, 256].map(|batch| rows(64, batch, Discrete)), [[1; 2], [2; 2], [2; 2]]);
        assert_eq!([16, 32, 64].map(|batch| rows(64, batch, Integrated)), [[1; 2], [2; 2], [2; 2]]);
        assert_eq!([64, 1024].map(|batch| rows(128, batch, Discrete)), [[8, 8], [16, 16]]);
        assert_eq!([128, 1024].map(|batch| rows(256, batch, Discrete)), [[8, 8], [8, 16]]);
        assert_eq!([64, 256].map(|batch| rows(512, batch, Discrete)), [[16, 16], [16, 16]]);
        assert_eq!([64, 256].map(|batch| rows(256, batch, Integrated)), [[8, 8], [8, 16]]);
    }
}
