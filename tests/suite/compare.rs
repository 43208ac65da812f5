//! `compare` passes a sound engine, and names each of six deliberately broken ones.

use microglia::compare::{Case, CaseReport, compare, exit_code};
use microglia::engine::{Engine, EngineKind, Pass, Roofline};
use microglia::error::Result;
use microglia::models::ModelKind::{Lstm, Rnn};
use microglia::program::op::{Prune, RecurrentBackward};
use microglia::program::tensor::*;
use microglia::program::{List, Op, Program};
use microglia::reference::CpuEngine;

/// What a broken engine gets wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// A second writing of `lstm_backward`, without a fault: so that the next one's failure is the fault's.
    Rewritten,
    /// `f` for `f·(1 − f)` in the forget gate's derivative.
    GateDerivative,
    /// `<` for `≤`: the weight at the cut stays.
    StrictCut,
    /// The last output of each row is never written.
    MissingLane,
    /// The first moment is not written back.
    StaleMoment,
    /// Every replica reads the weights of replica 0.
    ReplicaOffset,
    /// `h · w_hh` for `h · w_hhᵀ`.
    TransposedWeights,
}

/// The CPU engine with one fault.
struct Broken {
    inner: CpuEngine<f32>,
    fault: Fault,
}

impl Broken {
    fn rows(&mut self, id: TensorId) -> Vec<Vec<f32>> {
        (0..self.program().replicas).map(|r| self.inner.read_f32(id, r).unwrap()).collect()
    }

    fn set_rows(&mut self, id: TensorId, rows: &[Vec<f32>]) {
        for (r, row) in rows.iter().enumerate() {
            self.inner.write_f32(id, r, row).unwrap();
        }
    }

    /// Runs the op with other weights than the engine holds.
    fn with_params(
        &mut self,
        change: impl Fn(&mut [Vec<f32>]),
        run: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let params = self.rows(PARAMS);
        let mut changed = params.clone();
        change(&mut changed);
        self.set_rows(PARAMS, &changed);
        run(self)?;
        self.set_rows(PARAMS, &params);
        Ok(())
    }

    /// The backward of the LSTM as plain loops, with or without the wrong derivative.
    fn lstm_backward(&mut self, op: &RecurrentBackward, wrong: bool) {
        let (h, t_len, d_len) = (op.hidden, op.steps, op.d_output_steps);
        let (params, mut gates, cells) = (self.rows(PARAMS), self.rows(op.gates), self.rows(op.kept));
        let d_output = self.rows(op.d_output);
        for r in 0..params.len() {
            let w = &params[r][op.w_hh..];
            for b in 0..op.batch {
                let (mut d_h, mut d_c) = (vec![0f32; h], vec![0f32; h]);
                for t in (0..t_len).rev() {
                    if t + d_len >= t_len {
                        for (j, d_h) in d_h.iter_mut().enumerate() {
                            *d_h += d_output[r][(b * d_len + t + d_len - t_len) * h + j];
                        }
                    }
                    let at = (b * t_len + t) * 4 * h;
                    for j in 0..h {
                        let gate = |g: usize| gates[r][at + g * h + j];
                        let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
                        let cell = |t: usize| cells[r][(b * (t_len + 1) + t) * h + j];
                        let tanh_c = cell(t + 1).tanh();
                        d_c[j] += d_h[j] * o * (1.0 - tanh_c * tanh_c);
                        let slope = if wrong { f } else { f * (1.0 - f) };
                        gates[r][at + j] = d_c[j] * g * i * (1.0 - i);
                        gates[r][at + h + j] = d_c[j] * cell(t) * slope;
                        gates[r][at + 2 * h + j] = d_c[j] * i * (1.0 - g * g);
                        gates[r][at + 3 * h + j] = d_h[j] * tanh_c * o * (1.0 - o);
                        d_c[j] *= f;
                    }
                    for (j, d_h) in d_h.iter_mut().enumerate() {
                        *d_h = (0..4 * h).map(|k| gates[r][at + k] * w[k * h + j]).sum();
                    }
                }
            }
        }
        self.set_rows(op.gates, &gates);
    }

    /// Puts back the bits of weights at the cut.
    fn strict_cut(&mut self, op: &Prune, list: List, index: usize, slot: usize) -> Result<()> {
        let replicas = self.program().replicas;
        let before: Vec<_> = (0..replicas).map(|r| self.inner.read_u32(MASK, r).unwrap()).collect();
        self.inner.run_op(list, index, slot)?;
        for (r, before) in before.iter().enumerate() {
            let params = self.inner.read_f32(PARAMS, r)?;
            let mut mask = self.inner.read_u32(MASK, r)?;
            let fell = |i: &usize| (before[i / 32] & !mask[i / 32]) >> (i % 32) & 1 == 1;
            let fallen: Vec<usize> = (0..op.prunable_words).filter(fell).collect();
            let cut = fallen.iter().map(|&i| params[i].abs()).fold(0.0, f32::max);
            for i in fallen.into_iter().filter(|&i| params[i].abs() == cut) {
                mask[i / 32] |= 1 << (i % 32);
            }
            self.inner.write_u32(MASK, r, &mask)?;
        }
        Ok(())
    }
}

impl Engine for Broken {
    fn kind(&self) -> EngineKind {
        self.inner.kind()
    }

    fn device(&self) -> String {
        format!("{:?}", self.fault)
    }

    fn program(&self) -> &Program {
        self.inner.program()
    }

    fn roofline(&mut self) -> Result<Roofline> {
        self.inner.roofline()
    }

    fn run(&mut self, passes: &[Pass]) -> Result<()> {
        for pass in passes {
            for index in 0..self.program().list(pass.list).len() {
                self.run_op(pass.list, index, pass.slot)?;
            }
        }
        Ok(())
    }

    fn run_op(&mut self, list: List, index: usize, slot: usize) -> Result<()> {
        let op = self.program().list(list)[index].clone();
        match (self.fault, op) {
            (Fault::Rewritten, Op::RecurrentBackward(op)) => self.lstm_backward(&op, false),
            (Fault::GateDerivative, Op::RecurrentBackward(op)) => self.lstm_backward(&op, true),
            (Fault::StrictCut, Op::Prune(op)) => self.strict_cut(&op, list, index, slot)?,
            (Fault::MissingLane, Op::LinearForward(op)) => {
                let before = self.rows(op.output.tensor);
                self.inner.run_op(list, index, slot)?;
                let mut after = self.rows(op.output.tensor);
                for (after, before) in after.iter_mut().zip(&before) {
                    for n in 0..op.output.count {
                        let last = op.output.start(n) + op.output.width - 1;
                        after[last] = before[last];
                    }
                }
                self.set_rows(op.output.tensor, &after);
            }
            (Fault::StaleMoment, Op::AdamMasked(_)) => {
                let before = self.rows(MOMENT1);
                self.inner.run_op(list, index, slot)?;
                self.set_rows(MOMENT1, &before);
            }
            (Fault::ReplicaOffset, Op::LinearForward(_)) => {
                let spread = |rows: &mut [Vec<f32>]| rows.fill(rows[0].clone());
                self.with_params(spread, |this| this.inner.run_op(list, index, slot))?;
            }
            (Fault::TransposedWeights, Op::RecurrentForward(op)) => {
                let transpose = |rows: &mut [Vec<f32>]| {
                    for row in rows {
                        let weights = &mut row[op.w_hh..][..op.hidden * op.hidden];
                        let before = weights.to_vec();
                        for (i, weight) in weights.iter_mut().enumerate() {
                            *weight = before[i % op.hidden * op.hidden + i / op.hidden];
                        }
                    }
                };
                self.with_params(transpose, |this| this.inner.run_op(list, index, slot))?;
            }
            _ => self.inner.run_op(list, index, slot)?,
        }
        Ok(())
    }

    fn write_f32(&mut self, tensor: TensorId, replica: usize, values: &[f32]) -> Result<()> {
        self.inner.write_f32(tensor, replica, values)
    }

    fn rest(&mut self, resting: &[bool]) -> Result<()> {
        self.inner.rest(resting)
    }

    fn write_u32(&mut self, tensor: TensorId, replica: usize, values: &[u32]) -> Result<()> {
        self.inner.write_u32(tensor, replica, values)
    }

    fn read_f32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<f32>> {
        self.inner.read_f32(tensor, replica)
    }

    fn read_u32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<u32>> {
        self.inner.read_u32(tensor, replica)
    }

    fn copy(&mut self, from: TensorId, to: TensorId, replica: usize) -> Result<()> {
        self.inner.copy(from, to, replica)
    }
}

fn report(case: &Case, fault: Fault) -> CaseReport {
    let mut make = |program| -> Result<Box<dyn Engine>> {
        Ok(Box::new(Broken { inner: CpuEngine::new(program, Some(1))?, fault }))
    };
    compare(case, 3, &mut make).unwrap()
}

/// The fault must be named at its op and tensor, at no op before it, and in the exit code.
fn named(case: Case, fault: Fault, op: &str, tensor: &str) {
    let report = report(&case, fault);
    let first = report.ops.iter().find(|op| op.divergence.is_some()).unwrap_or_else(|| panic!("{fault:?} passed"));
    let divergence = first.divergence.as_ref().unwrap();
    assert_eq!((first.op, divergence.tensor.as_str()), (op, tensor), "{fault:?}: {first:?}");
    assert_eq!(exit_code(&[report]), 1, "{fault:?}");
}

#[test]
fn a_sound_engine_passes() {
    let case = Case::new(Lstm, 2, 5, 4, 6).layers(2).dropout(0.3).clip(0.5).prune(20);
    let report = report(&case, Fault::Rewritten);
    assert!(report.passed(), "{report:#?}");
    assert_eq!(report.free.mask_bits, 0);
    assert_eq!(exit_code(&[report]), 0);
}

#[test]
fn a_wrong_gate_derivative_is_named() {
    named(Case::new(Lstm, 1, 5, 4, 6), Fault::GateDerivative, "lstm_backward", "lstm.0.gates");
}

#[test]
fn a_strict_cut_is_named() {
    named(Case::new(Lstm, 1, 5, 4, 6).prune(20), Fault::StrictCut, "prune", "mask");
}

#[test]
fn a_missing_last_lane_is_named() {
    named(Case::new(Rnn, 1, 5, 4, 6), Fault::MissingLane, "linear_forward", "rnn.0.projected");
}

#[test]
fn a_stale_moment_is_named() {
    named(Case::new(Rnn, 1, 5, 4, 6), Fault::StaleMoment, "adam_masked", "moment1");
}

#[test]
fn a_wrong_replica_offset_is_named() {
    named(Case::new(Lstm, 2, 5, 4, 6), Fault::ReplicaOffset, "linear_forward", "lstm.0.gates");
}

#[test]
fn transposed_recurrent_weights_are_named() {
    named(Case::new(Rnn, 1, 5, 4, 6), Fault::TransposedWeights, "rnn_forward", "rnn.0.states");
}
