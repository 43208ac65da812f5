//! Each op on its own: the same inputs into the twin, the oracle and the engine under test.

use serde::Serialize;

use super::case::Case;
use super::tolerance::{ErrorScale, TWIN_FACTOR, rule};
use crate::engine::Engine;
use crate::error::Result;
use crate::program::{Element, List, Op, Program, TensorId};
use crate::reference::CpuEngine;

/// One op of one case.
#[derive(Debug, Clone, Serialize)]
pub struct OpReport {
    /// The op's label.
    pub op: &'static str,
    /// The list that it stands in.
    pub list: String,
    /// Its place in the list, from 0.
    pub index: usize,
    /// The largest |found − expected| over all float tensors it writes.
    pub absolute: f64,
    /// The largest error over its scale.
    pub relative: f64,
    /// The largest relative error that passes.
    pub tolerance: f64,
    /// What the tolerance comes from.
    pub reason: String,
    /// `None` where the op passes.
    pub divergence: Option<Divergence>,
}

/// The first entry that is off.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Divergence {
    /// The tensor's name.
    pub tensor: String,
    /// From 0.
    pub replica: usize,
    /// Word in the replica's row.
    pub index: usize,
    /// What the f64 oracle holds there.
    pub expected: f64,
    /// What the engine under test holds there.
    pub found: f64,
}

/// Compares every op of every list, in order, each from the twin's state.
pub(super) fn compare(case: &Case, subject: &mut dyn Engine) -> Result<Vec<OpReport>> {
    let program = subject.program().clone();
    let mut twin = CpuEngine::<f32>::new(program.clone(), Some(1))?;
    let mut oracle = CpuEngine::<f64>::new(program.clone(), Some(1))?;
    case.load(&mut twin, 11)?;
    let mut reports = Vec::new();
    for list in List::ALL {
        for (index, op) in program.list(list).iter().enumerate() {
            reports.push(one(&program, list, index, op, &mut twin, &mut oracle, subject)?);
        }
    }
    Ok(reports)
}

/// The slot whose batch is short, so that empty places are part of every comparison.
const SLOT: usize = 1;

fn one(
    program: &Program,
    list: List,
    index: usize,
    op: &Op,
    twin: &mut CpuEngine<f32>,
    oracle: &mut CpuEngine<f64>,
    subject: &mut dyn Engine,
) -> Result<OpReport> {
    let mut touched = op.reads();
    touched.extend(op.writes());
    touched.sort_unstable();
    touched.dedup();
    for &id in &touched {
        transfer(program, id, twin, subject)?;
        transfer(program, id, twin, oracle)?;
    }
    let rule = rule(op);
    let scales = match rule.scale {
        ErrorScale::Terms => Some(term_sums(program, list, index, op, &touched, twin, oracle)?),
        ErrorScale::Largest => None,
    };
    twin.run_op(list, index, SLOT)?;
    oracle.run_op(list, index, SLOT)?;
    subject.run_op(list, index, SLOT)?;

    let mut report = OpReport {
        op: op.label(),
        list: format!("{list:?}").to_lowercase(),
        index,
        absolute: 0.0,
        relative: 0.0,
        tolerance: rule.floor,
        reason: rule.reason.into(),
        divergence: None,
    };
    for (written, &id) in op.writes().iter().enumerate() {
        for replica in 0..program.replicas {
            if program.tensor(id).element == Element::U32 {
                let (expected, found) = (twin.read_u32(id, replica)?, subject.read_u32(id, replica)?);
                let index = (0..expected.len()).find(|&i| expected[i] != found[i]);
                let tensor = program.tensor(id).name.clone();
                report.divergence = report.divergence.take().or(index.map(|index| {
                    let (expected, found) = (expected[index] as f64, found[index] as f64);
                    Divergence { tensor, replica, index, expected, found }
                }));
                continue;
            }
            let found = subject.read_f32(id, replica)?;
            let scale = scales.as_ref().map(|scales| &scales[written][replica][..]);
            floats(
                &mut report,
                program,
                id,
                replica,
                twin.values(id, replica),
                oracle.values(id, replica),
                scale,
                &found,
            );
        }
    }
    Ok(report)
}

/// Judges one row of floats.
#[allow(clippy::too_many_arguments, reason = "the four rows that are compared, and where they belong")]
fn floats(
    report: &mut OpReport,
    program: &Program,
    id: TensorId,
    replica: usize,
    twin: &[f32],
    oracle: &[f64],
    terms: Option<&[f64]>,
    found: &[f32],
) {
    // NaN marks words that nothing has written: the CPU engine's poison, which `transfer` copies.
    let written = |i: usize| !oracle[i].is_nan() || !found[i].is_nan();
    let largest = oracle.iter().filter(|value| !value.is_nan()).fold(0f64, |max, value| max.max(value.abs()));
    let scale = |i: usize| terms.map_or(largest, |terms| terms[i].abs()).max(f64::MIN_POSITIVE);
    let exact = report.tolerance == 0.0;
    let mut tolerance = report.tolerance;
    if !exact {
        let twin_off = (0..oracle.len())
            .filter(|&i| written(i))
            .map(|i| (twin[i] as f64 - oracle[i]).abs() / scale(i))
            .fold(0f64, f64::max);
        if TWIN_FACTOR * twin_off > tolerance {
            tolerance = TWIN_FACTOR * twin_off;
            report.reason = format!("8 × the f32 twin's {twin_off:.1e}");
        }
    }
    report.tolerance = tolerance;
    for i in (0..oracle.len()).filter(|&i| written(i)) {
        let expected = if exact { twin[i] as f64 } else { oracle[i] };
        let error = (found[i] as f64 - expected).abs();
        report.absolute = report.absolute.max(error);
        report.relative = report.relative.max(error / scale(i));
        // Written so that a NaN error fails too.
        let sound = error <= tolerance * scale(i);
        if !sound && report.divergence.is_none() {
            let tensor = program.tensor(id).name.clone();
            report.divergence = Some(Divergence { tensor, replica, index: i, expected, found: found[i] as f64 });
        }
    }
}

/// Σ|terms| of each sum the op forms, `[written tensor][replica]`: the oracle's result on absolute inputs. Leaves the
/// oracle as it was.
fn term_sums(
    program: &Program,
    list: List,
    index: usize,
    op: &Op,
    touched: &[TensorId],
    twin: &mut CpuEngine<f32>,
    oracle: &mut CpuEngine<f64>,
) -> Result<Vec<Vec<Vec<f64>>>> {
    for &id in touched.iter().filter(|id| program.tensor(**id).element == Element::F32) {
        for replica in 0..rows(program, id) {
            let values = oracle.values(id, replica).iter().map(|value| value.abs()).collect();
            oracle.set_values(id, replica, values);
        }
    }
    oracle.run_op(list, index, SLOT)?;
    let sums = |id: &TensorId| (0..program.replicas).map(|r| oracle.values(*id, r).to_vec()).collect();
    let sums = op.writes().iter().map(sums).collect();
    for &id in touched {
        transfer(program, id, twin, oracle)?;
    }
    Ok(sums)
}

fn rows(program: &Program, id: TensorId) -> usize {
    if program.tensor(id).shared { 1 } else { program.replicas }
}

/// Copies a tensor of every replica from one engine to another.
pub(super) fn transfer(program: &Program, id: TensorId, from: &mut dyn Engine, to: &mut dyn Engine) -> Result<()> {
    for replica in 0..rows(program, id) {
        match program.tensor(id).element {
            Element::F32 => to.write_f32(id, replica, &from.read_f32(id, replica)?)?,
            Element::U32 => to.write_u32(id, replica, &from.read_u32(id, replica)?)?,
        }
    }
    Ok(())
}
