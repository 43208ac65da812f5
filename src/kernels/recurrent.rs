//! What the recurrent kernels share: how hidden units spread over workgroups, how time is cut, and the rearranged w_hh.

use std::ops::Range;

use super::plan::{Dispatch, Shapes, groups, uniform};
use crate::dims::padded;
use crate::program::tensor::PARAMS;

/// Batch rows of a workgroup: a vec4.
pub const BATCH_TILE: usize = 4;
/// The rearranged weights' place in a plan's scratch.
const WEIGHTS: usize = 0;

/// Hidden units, one per invocation, and the workgroups that share them.
pub struct Units {
    pub lanes: usize,
    pub groups: usize,
}

impl Units {
    /// Up to 256 units, one workgroup holds them all and walks through time by itself. Beyond, workgroups of 64 share a
    /// step, and only the end of a dispatch tells each that the others are done.
    pub fn of(hidden: usize) -> Self {
        let lanes = [32, 64, 128, 256].into_iter().find(|&lanes| hidden <= lanes).unwrap_or(64);
        Units { lanes, groups: hidden.div_ceil(lanes) }
    }
}

/// Steps of one dispatch: each waits for the one before, however little it has to do.
const MAX_STEPS: usize = 4096;

/// Time cut into the ranges that one dispatch each walks through. Where it is cut decides no bit.
pub fn ranges(steps: usize, work_per_step: usize, units: &Units, shapes: &Shapes) -> Vec<Range<usize>> {
    let most = shapes.most_work as usize / shapes.program.replicas.max(1);
    let bounded = (most / work_per_step.max(1)).clamp(1, MAX_STEPS);
    let asked = shapes.max_steps.unwrap_or(steps).max(1);
    let length = if units.groups > 1 { 1 } else { bounded.min(asked) };
    (0..steps).step_by(length).map(|begin| begin..(begin + length).min(steps)).collect()
}

uniform! {
    RecurrentWeightsParams {
        hidden: u32,
        rows: u32,
        columns: u32,
        stride_n: u32,
        stride_j: u32,
        stride_v: u32,
        check_n: u32,
        check_j: u32,
        check_v: u32,
        w_hh: u32,
        params_row: u32,
        packed_row: u32,
        first_group: u32,
    }
}

/// w_hh `[G, H, H]` as a kernel wants it: vec4 `[rows, columns]`, each index with its stride in w_hh, and its part in the
/// test that keeps within H.
pub struct Packed {
    hidden: usize,
    w_hh: usize,
    rows: usize,
    columns: usize,
    strides: [usize; 3],
    checks: [usize; 3],
}

impl Packed {
    /// `[k, unit]`, four gates in a vec4: for Σ_k w_hh[gate, unit, k] · h[k], k to a multiple of four.
    pub fn by_gate(hidden: usize, w_hh: usize) -> Self {
        let strides = [1, hidden, hidden * hidden];
        Packed { hidden, w_hh, rows: hidden.next_multiple_of(4), columns: hidden, strides, checks: [1, 0, 0] }
    }

    /// `[gate · H + k, fours of units]`: for Σ_k w_hh[gate, k, unit] · d[k]; w_hh itself with its rows padded.
    pub fn padded(gates: usize, hidden: usize, w_hh: usize) -> Self {
        let (rows, columns) = (gates * hidden, hidden.div_ceil(4));
        Packed { hidden, w_hh, rows, columns, strides: [hidden, 4, 1], checks: [0, 4, 1] }
    }

    /// `[k, fours of units]`: for Σ_k w_hh[unit, k] · h[k].
    pub fn transposed(hidden: usize, w_hh: usize) -> Self {
        let columns = hidden.div_ceil(4);
        Packed { hidden, w_hh, rows: hidden, columns, strides: [1, 4 * hidden, hidden], checks: [0, 4, 1] }
    }

    /// Whether the rearranged words are those of w_hh in their place.
    fn in_place(&self) -> bool {
        self.strides == [self.hidden, 4, 1] && self.hidden.is_multiple_of(4) && self.w_hh.is_multiple_of(4)
    }

    /// Words per replica of the copy, if one is made.
    pub fn scratch_words(&self) -> usize {
        if self.in_place() { 0 } else { self.words() }
    }

    fn words(&self) -> usize {
        self.rows * self.columns * 4
    }

    /// Where a kernel finds them, in vec4: the first, and from one replica's row to the next.
    pub fn place(&self, shapes: &Shapes) -> (u32, u32) {
        match self.in_place() {
            true => (self.w_hh as u32 / 4, shapes.row(PARAMS) / 4),
            false => (0, padded(self.words()) as u32 / 4),
        }
    }

    /// Binds a kernel's `weights`.
    pub fn bind(&self, dispatch: Dispatch) -> Dispatch {
        match self.in_place() {
            true => dispatch.tensor("weights", PARAMS),
            false => dispatch.scratch("weights", WEIGHTS),
        }
    }

    /// The dispatch that makes the copy, if one is made.
    pub fn dispatch(&self, shapes: &Shapes) -> Option<Dispatch> {
        if self.in_place() {
            return None;
        }
        let [stride_n, stride_j, stride_v] = self.strides.map(|stride| stride as u32);
        let [check_n, check_j, check_v] = self.checks.map(|check| check as u32);
        let params = RecurrentWeightsParams {
            hidden: self.hidden as u32,
            rows: self.rows as u32,
            columns: self.columns as u32,
            stride_n,
            stride_j,
            stride_v,
            check_n,
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
    use super::Units;

    #[test]
    fn every_hidden_size_has_its_units() {
        for hidden in 1..=1024 {
            let units = Units::of(hidden);
            assert!(units.lanes * units.groups >= hidden && units.lanes * (units.groups - 1) < hidden);
            assert_eq!(units.groups == 1, hidden <= 256);
        }
    }
}
