//! A run's own steps, profiled.

use super::{Profile, Slots, profile};
use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::Result;
use crate::train::{Plan, stage};

/// Fills an engine as a run would, and profiles steps of full batches, and one that prunes. `steps`: how many, or as many as take
/// about two seconds. `interrupted` is asked between steps; `None` where it said so.
///
/// # Errors
/// No steps; where the device fails.
pub fn profile_plan(
    dataset: &Dataset,
    plan: &Plan,
    engine: &mut dyn Engine,
    steps: Option<usize>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<Profile>> {
    let due = stage(dataset, plan, engine)?;
    let full = (dataset.train.len() / plan.options.batch).clamp(1, due.len());
    let slots = Slots { ordinary: (0..full).collect(), due: due.iter().position(|due| *due) };
    profile(engine, &slots, steps, interrupted)
}
