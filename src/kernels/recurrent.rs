//! What the recurrent kernels share: how hidden units spread over workgroups, how time is cut, and the rearranged w_hh.

use std::ops::Range;

use super::plan::{Dispatch, Shapes, groups, uniform};
use crate::dims::padded;
use crate::program::tensor::PARAMS;

/// Batch rows of a workgroup: a vec4.
pub const BATCH_TILE: usize = 4;
/// The rearranged weights' place in a plan's scratch.
pub const WEIGHTS: usize = 0;

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

/// Operations of one dispatch: a tenth of a second of a slow integrated GPU.
const MAX_WORK: usize = 10_000_000_000;

/// Time cut into the ranges that one dispatch each walks through. Where it is cut decides no bit.
pub fn ranges(steps: usize, work_per_step: usize, units: &Units, shapes: &Shapes) -> Vec<Range<usize>> {
    let bounded = (MAX_WORK / (work_per_step * shapes.program.replicas).max(1)).max(1);
    let asked = shapes.max_steps.unwrap_or(steps).max(1);
    let length = if units.groups > 1 { 1 } else { bounded.min(asked) };
    (0..steps).step_by(length).map(|begin| begin..(begin + length).min(steps)).collect()
}

uniform! {
    RecurrentWeightsParams {
        hidden: u32,
        rows: u32,
        summands_n: u32,
        summands_v: u32,
        stride_n: u32,
        stride_j: u32,
        stride_v: u32,
        w_hh: u32,
        params_row: u32,
        packed_row: u32,
    }
}

/// w_hh `[G, H, H]` as a kernel wants it: vec4 `[n, H]`, where four gates share a vec4, or four summands do.
pub struct Packed {
    /// Whether the kernel sums over the units that w_hh writes (backward), not over those it reads.
    pub transposed: bool,
    /// 1 or 4.
    pub gates: usize,
    pub hidden: usize,
    pub w_hh: usize,
}

impl Packed {
    /// n's range. With four gates the summands go in whole fours as well, so that loops need no remainder.
    fn rows(&self) -> usize {
        if self.gates == 4 { self.hidden.next_multiple_of(4) } else { self.hidden.div_ceil(4) }
    }

    /// Words per replica.
    pub fn words(&self) -> usize {
        self.rows() * self.hidden * 4
    }

    /// vec4 from one replica's row to the next.
    pub fn row_vec4(&self) -> u32 {
        (padded(self.words()) / 4) as u32
    }

    pub fn dispatch(&self, shapes: &Shapes) -> Dispatch {
        let (h, four_gates) = (self.hidden as u32, self.gates == 4);
        // w_hh[g, written unit, read unit]
        let (summand, unit) = if self.transposed { (h, 1) } else { (1, h) };
        let params = RecurrentWeightsParams {
            hidden: h,
            rows: self.rows() as u32,
            summands_n: if four_gates { 1 } else { 4 },
            summands_v: if four_gates { 0 } else { 1 },
            stride_n: if four_gates { summand } else { 4 * summand },
            stride_j: unit,
            stride_v: if four_gates { h * h } else { summand },
            w_hh: self.w_hh as u32,
            params_row: shapes.row(PARAMS),
            packed_row: padded(self.words()) as u32,
        };
        let words = self.words();
        Dispatch::new("recurrent_weights", &params, &[("params", PARAMS)], groups(words, 64), words * 8)
            .scratch("packed", WEIGHTS)
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
