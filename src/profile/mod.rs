//! Where a training step's time goes: every op against the best its device can do, and the step as a whole.
//!
//! Works on either engine, and on any program whose tables are written. It runs real optimizer steps.
//!
//! Of the engine tier: it may change in any version.

mod listing;
#[cfg(feature = "plots")]
mod picture;
mod planned;
mod trace;

use std::time::Instant;

use serde::Serialize;

use crate::engine::{Clock, Engine, EngineKind, Pass, Roofline, Span, Tally};
use crate::error::{Error, Result};
use crate::program::tensor::{BEST_PARAMS, MASK, PARAMS};
use crate::program::{Cost, List};

pub use listing::{Listed, Listing, MACHINES, Machine, Prediction, listing};
#[cfg(feature = "plots")]
pub use picture::roofline_svg;
pub use planned::profile_plan;
pub use trace::trace_json;

/// The lists of a step on which no pruning is due.
const ORDINARY: [List; 3] = [List::Forward, List::Backward, List::Update];
/// Warm-up: at least this many steps, and at least this many seconds of work.
const WARMUP_STEPS: usize = 3;
const WARMUP_SECONDS: f64 = 0.5;
/// If no number of steps is given: as many as take about this long, within these bounds.
const SECONDS: f64 = 2.0;
const STEPS: (usize, usize) = (5, 200);
/// A whole step's time is the median of this many runs of several steps each.
const ROUNDS: usize = 20;
/// A stop waits about this long.
const LOOK_SECONDS: f64 = 1.0;
/// Due steps that are timed, at most.
const DUE_STEPS: usize = 10;

/// The slots of the step table to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    /// Of full batches; run in turn, without pruning.
    pub ordinary: Vec<usize>,
    /// One on which pruning is due.
    pub due: Option<usize>,
}

/// All calls of one op in a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpProfile {
    /// The op's label.
    pub op: &'static str,
    /// In one step.
    pub calls: usize,
    /// Dispatches of all calls; on the CPU engine the calls themselves.
    pub dispatches: usize,
    /// Median time of the step's calls together, in microseconds.
    pub median_us: f64,
    /// 95th percentile of the same time.
    pub p95_us: f64,
    /// Its part of the sum of an ordinary step's medians, from 0 to 1.
    pub share: f64,
    /// Of all calls together.
    #[serde(flatten)]
    pub cost: Cost,
    /// Operations over the median time, in 1e9 a second.
    pub gflops: f64,
    /// Bytes over the median time, in 1e9 a second.
    pub gigabytes_per_second: f64,
    /// Operations per byte.
    pub intensity: f64,
    /// The time that memory and arithmetic need at best, over the time taken. It is above 1 where caches serve what the
    /// measured copy read from memory.
    pub roofline_share: f64,
    /// What limits it by the roofline.
    pub bound: Bound,
}

/// What limits an op's time from below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Moving its bytes would take longest.
    Memory,
    /// Its operations would take longest.
    Arithmetic,
    /// Empty dispatches alone would take longer than either.
    Launch,
}

/// A step without a due prune.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepProfile {
    /// Microseconds of a step, of many steps in a row, as training runs them.
    pub whole_us: f64,
    /// Sum of the ops' medians.
    pub ops_us: f64,
    /// Between the end of one piece of work and the beginning of the next, while ops are timed.
    pub gaps_us: f64,
    /// Recording one step and handing it in, with what the driver makes the host wait there; on the CPU engine nothing.
    pub host_us: f64,
    /// Of all ops of the step.
    pub cost: Cost,
    /// Of the whole step: its ops' best times over the time taken.
    pub roofline_share: f64,
    /// Dispatches of one step.
    pub dispatches: f64,
    /// Submissions of one step.
    pub submissions: f64,
    /// Bytes of buffers made in the loop of steps.
    pub allocated_bytes: u64,
    /// Readbacks in the loop of steps.
    pub readbacks: u64,
    /// Bytes of all tensors and tables.
    pub held_bytes: u64,
}

/// What was timed, by op and as a whole step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Which engine ran.
    pub engine: EngineKind,
    /// The adapter's or processor's name.
    pub device: String,
    /// Of the CPU engine; `None` on a GPU.
    pub threads: Option<usize>,
    /// What timed the ops.
    pub clock: Clock,
    /// What the device can do at best.
    pub roofline: Roofline,
    /// Models that trained side by side.
    pub replicas: usize,
    /// Steps before the first that was timed.
    pub warmup_steps: usize,
    /// Steps that were timed op by op.
    pub steps: usize,
    /// Of an ordinary step, the longest first.
    pub ops: Vec<OpProfile>,
    /// What a due prune adds to a step, in the order it runs; in no sum.
    pub prune: Vec<OpProfile>,
    /// A step without a due prune, as a whole.
    pub step: StepProfile,
    /// The steps whose ops were timed, those of due prunes last.
    #[serde(skip)]
    pub traced: Vec<Traced>,
}

/// One step, piece by piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// Whether pruning was due.
    pub due: bool,
    /// In the order in which they ran.
    pub pieces: Vec<Piece>,
}

/// A piece of an op's work, and what the whole op costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The list that the op stands in.
    pub list: List,
    /// When it ran.
    pub span: Span,
    /// Of the whole op.
    pub cost: Cost,
}

/// Profiles steps of an engine that is filled; `steps`: how many, or as many as take about two seconds. `interrupted` is asked
/// between steps; `None` where it said so.
///
/// # Errors
/// No steps; where the device fails.
pub fn profile(
    engine: &mut dyn Engine,
    slots: &Slots,
    steps: Option<usize>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<Profile>> {
    if steps == Some(0) {
        return Err(Error::config("steps", "0 is rejected", "give a whole number, 1 or more"));
    }
    let step = |engine: &mut dyn Engine, count: usize| -> Result<f64> {
        let passes: Vec<Pass> = slots.ordinary.iter().cycle().take(count).flat_map(|&slot| ordinary(slot)).collect();
        let started = Instant::now();
        engine.run(&passes)?;
        engine.wait()?;
        Ok(started.elapsed().as_secs_f64())
    };
    // The first step compiles, allocates and touches what is new.
    step(engine, 1)?;
    let (mut warmup_steps, mut seconds) = (1, 0.0);
    while warmup_steps < WARMUP_STEPS || seconds < WARMUP_SECONDS {
        seconds += step(engine, 1)?;
        warmup_steps += 1;
        if interrupted() {
            return Ok(None);
        }
    }
    let each = seconds / (warmup_steps - 1) as f64;
    let steps = steps.unwrap_or(((SECONDS / each) as usize).clamp(STEPS.0, STEPS.1));
    let roofline = engine.roofline()?;

    let before = engine.tally();
    let rounds = ROUNDS.min(steps);
    let per_round = steps.div_ceil(rounds);
    // So many steps run at once that the wait after them costs nothing, and that a stop waits for no longer.
    let at_once = ((LOOK_SECONDS / each) as usize).max(1);
    let mut whole = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let (mut left, mut seconds) = (per_round, 0.0);
        while left > 0 {
            let count = left.min(at_once);
            seconds += step(engine, count)?;
            left -= count;
            if interrupted() {
                return Ok(None);
            }
        }
        whole.push(seconds / per_round as f64);
    }
    let tally = since(before, engine.tally());

    let passes: Vec<Pass> = slots.ordinary.iter().cycle().take(steps).flat_map(|&slot| ordinary(slot)).collect();
    let (mut clock, mut spans) = (None, Vec::new());
    for (part, own) in passes.chunks(ORDINARY.len() * at_once).enumerate() {
        let timed = engine.run_timed(own)?;
        let first = part * ORDINARY.len() * at_once;
        spans.extend(timed.spans.into_iter().map(|span| Span { pass: first + span.pass, ..span }));
        clock = Some(timed.clock);
        if interrupted() {
            return Ok(None);
        }
    }
    let Some(clock) = clock else { return Ok(None) };
    let mut ops = by_op(engine, &passes, &spans, ORDINARY.len(), &roofline);
    let ops_us: f64 = ops.iter().map(|op| op.median_us).sum();
    ops.iter_mut().for_each(|op| op.share = op.median_us / ops_us);
    ops.sort_by(|a, b| b.median_us.total_cmp(&a.median_us));
    let mut traced = traced(engine, &passes, &spans, ORDINARY.len());
    let gaps_us = 1e6 * median(traced.iter().map(Traced::gaps).collect());

    let mut prune = Vec::new();
    if let Some(slot) = slots.due {
        let passes = List::STEP.map(|list| Pass { list, slot }).repeat(steps.min(DUE_STEPS));
        let spans = due(engine, &passes)?;
        prune = by_op(engine, &passes, &spans, List::STEP.len(), &roofline);
        prune.retain(|op| engine.program().list(List::Prune).iter().any(|own| own.label() == op.op));
        prune.iter_mut().for_each(|op| op.share = op.median_us / ops_us);
        traced.extend(self::traced(engine, &passes, &spans, List::STEP.len()));
    }

    let program = engine.program();
    let costs: Vec<Cost> = ORDINARY.iter().flat_map(|&list| program.list(list)).map(|op| program.cost(op)).collect();
    let best: f64 = costs.iter().map(|cost| roofline.seconds(cost)).sum();
    let whole_us = 1e6 * median(whole);
    let each = |count: u64| count as f64 / (rounds * per_round) as f64;
    let step = StepProfile {
        whole_us,
        ops_us,
        gaps_us,
        host_us: 1e-3 * each(tally.host_nanos),
        cost: costs.iter().copied().sum(),
        roofline_share: 1e6 * best / whole_us,
        dispatches: each(tally.dispatches),
        submissions: each(tally.submissions),
        allocated_bytes: tally.allocated_bytes,
        readbacks: tally.readbacks,
        held_bytes: engine.held_bytes(),
    };
    Ok(Some(Profile {
        engine: engine.kind(),
        device: engine.device(),
        threads: engine.threads(),
        clock,
        roofline,
        replicas: engine.program().replicas,
        warmup_steps,
        steps,
        ops,
        prune,
        step,
        traced,
    }))
}

/// Times the ops of a slot's lists alone, `steps` times; shares are left open.
pub fn time_ops(
    engine: &mut dyn Engine,
    lists: &[List],
    slot: usize,
    steps: usize,
    roofline: &Roofline,
) -> Result<Vec<OpProfile>> {
    let step: Vec<Pass> = lists.iter().map(|&list| Pass { list, slot }).collect();
    let passes = step.repeat(steps);
    let spans = engine.run_timed(&passes)?.spans;
    Ok(by_op(engine, &passes, &spans, lists.len(), roofline))
}

fn ordinary(slot: usize) -> [Pass; 3] {
    ORDINARY.map(|list| Pass { list, slot })
}

fn since(before: Tally, after: Tally) -> Tally {
    Tally {
        allocated_bytes: after.allocated_bytes - before.allocated_bytes,
        dispatches: after.dispatches - before.dispatches,
        submissions: after.submissions - before.submissions,
        readbacks: after.readbacks - before.readbacks,
        host_nanos: after.host_nanos - before.host_nanos,
    }
}

/// Times due steps, each from the weights and masks that the first began with.
fn due(engine: &mut dyn Engine, passes: &[Pass]) -> Result<Vec<Span>> {
    let replicas = engine.program().replicas;
    let masks: Vec<Vec<u32>> = (0..replicas).map(|r| engine.read_u32(MASK, r)).collect::<Result<_>>()?;
    (0..replicas).try_for_each(|r| engine.copy(PARAMS, BEST_PARAMS, r))?;
    let once = |engine: &mut dyn Engine, step: &[Pass]| -> Result<Vec<Span>> {
        let spans = engine.run_timed(step)?.spans;
        for (r, mask) in masks.iter().enumerate() {
            engine.copy(BEST_PARAMS, PARAMS, r)?;
            engine.write_u32(MASK, r, mask)?;
        }
        Ok(spans)
    };
    let length = List::STEP.len();
    // The first compiles.
    once(engine, &passes[..length])?;
    let mut spans = Vec::new();
    for (step, passes) in passes.chunks(length).enumerate() {
        spans.extend(once(engine, passes)?.into_iter().map(|span| Span { pass: step * length + span.pass, ..span }));
    }
    Ok(spans)
}

/// Spans by step, a step being so many passes.
fn traced(engine: &dyn Engine, passes: &[Pass], spans: &[Span], passes_per_step: usize) -> Vec<Traced> {
    let program = engine.program();
    let piece = |span: &Span| {
        let list = passes[span.pass].list;
        Piece { list, span: *span, cost: program.cost(&program.list(list)[span.op]) }
    };
    spans
        .chunk_by(|a, b| a.pass / passes_per_step == b.pass / passes_per_step)
        .map(|step| Traced { due: passes_per_step > ORDINARY.len(), pieces: step.iter().map(piece).collect() })
        .collect()
}

impl Traced {
    /// Seconds between one piece's end and the next's beginning.
    fn gaps(&self) -> f64 {
        self.pieces.windows(2).map(|pair| (pair[1].span.begin - pair[0].span.end).max(0.0)).sum()
    }
}

/// Adds up spans by label and step, a step being so many passes; in the order of first appearance, shares left open.
fn by_op(
    engine: &dyn Engine,
    passes: &[Pass],
    spans: &[Span],
    passes_per_step: usize,
    roofline: &Roofline,
) -> Vec<OpProfile> {
    let program = engine.program();
    let steps = passes.len() / passes_per_step;
    let mut ops: Vec<(OpProfile, Vec<f64>, f64)> = Vec::new();
    let place = |ops: &[(OpProfile, Vec<f64>, f64)], label| ops.iter().position(|(one, ..)| one.op == label);
    for op in passes.iter().take(passes_per_step).flat_map(|pass| program.list(pass.list)) {
        let cost = program.cost(op);
        let i = place(&ops, op.label()).unwrap_or(ops.len());
        if i == ops.len() {
            ops.push((OpProfile::empty(op.label()), vec![0.0; steps], 0.0));
        }
        let (own, _, best) = &mut ops[i];
        own.calls += 1;
        own.cost = own.cost + cost;
        *best += roofline.seconds(&cost);
    }
    for span in spans {
        let label = program.list(passes[span.pass].list)[span.op].label();
        let Some((own, times, _)) = place(&ops, label).map(|i| &mut ops[i]) else { continue };
        own.dispatches += usize::from(span.pass < passes_per_step);
        times[span.pass / passes_per_step] += span.end - span.begin;
    }
    ops.into_iter().map(|(own, times, best)| own.rated(times, best, roofline)).collect()
}

impl OpProfile {
    fn empty(op: &'static str) -> Self {
        OpProfile {
            op,
            calls: 0,
            dispatches: 0,
            median_us: 0.0,
            p95_us: 0.0,
            share: 0.0,
            cost: Cost::default(),
            gflops: 0.0,
            gigabytes_per_second: 0.0,
            intensity: 0.0,
            roofline_share: 0.0,
            bound: Bound::Memory,
        }
    }

    /// With the times of its steps, and the time it takes at best, in seconds.
    fn rated(self, times: Vec<f64>, best: f64, roofline: &Roofline) -> Self {
        let p95 = quantile(times.clone(), 0.95);
        let seconds = median(times).max(1e-12);
        let arithmetic = self.cost.flops as f64 / roofline.flops_per_second;
        let memory = self.cost.bytes() as f64 / roofline.bytes_per_second;
        let bound = match self.dispatches as f64 * roofline.dispatch_seconds {
            launch if launch > arithmetic.max(memory) => Bound::Launch,
            _ if arithmetic > memory => Bound::Arithmetic,
            _ => Bound::Memory,
        };
        OpProfile {
            median_us: 1e6 * seconds,
            p95_us: 1e6 * p95,
            gflops: 1e-9 * self.cost.flops as f64 / seconds,
            gigabytes_per_second: 1e-9 * self.cost.bytes() as f64 / seconds,
            intensity: self.cost.intensity(),
            roofline_share: best / seconds,
            bound,
            ..self
        }
    }
}

fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The smallest value that so large a share of the values do not exceed; 0 of none.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((median(values.clone()), quantile(values, 0.95)), (50.0, 95.0));
        assert_eq!((median(vec![3.0]), median(Vec::new())), (3.0, 0.0));
    }
}
