//! Runs that go on in a smaller network.

use super::observer::Observer;
use super::state::RunState;
use super::trained::Trained;
use super::{Ended, Make, Run};
use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::Result;
use crate::program::tensor::{BEST_PARAMS, MASK};
use crate::train::options::CompactEvery;
use crate::train::plan::Plan;
use crate::train::shrink::{self, Shrink};
use crate::train::weights::checkpoints::Checkpoints;

/// As [`run_from`](super::run_from); where [`TrainOptions::compact_every`](crate::train::TrainOptions) says so, the run goes on in a smaller network without
/// the units that fell: `make` makes its engine, and plan and engine are then those of the network that is left.
pub fn run_compacting(
    dataset: &Dataset,
    plan: &mut Plan,
    engine: &mut Box<dyn Engine>,
    make: &mut Make,
    observer: &mut dyn Observer,
    mut from: Option<RunState>,
    mut checkpoints: Option<&mut Checkpoints>,
) -> Result<Trained> {
    if let Some(state) = from.as_ref().filter(|state| !state.widths.is_empty()) {
        shrink::check(plan, &state.widths)?;
        *plan = plan.shrunk(dataset, &state.widths)?;
        *engine = make(&plan.program)?;
    }
    loop {
        let mut run = Run::new(dataset, plan, engine.as_mut(), from)?;
        run.checkpoints = checkpoints.as_deref_mut();
        run.compacts = true;
        let shrink = match run.epochs(observer)? {
            Ended::With(status) => return run.end(status, observer),
            Ended::Smaller(shrink) => shrink,
        };
        let state = shrink.state(plan, run.capture()?);
        observer.notice(&shrink.line(state.epoch - 1));
        *plan = shrink.plan;
        *engine = make(&plan.program)?;
        from = Some(state);
    }
}

impl Run<'_> {
    /// What a run goes on as, at the end of an epoch after which it is to be smaller.
    pub(super) fn smaller(&mut self) -> Result<Option<Shrink>> {
        let epochs = self.state.epoch - 1;
        let may = match self.plan.options.compact_every {
            CompactEvery::Never => false,
            CompactEvery::Auto => true,
            CompactEvery::Epochs(every) => epochs.is_multiple_of(every),
        };
        if !self.compacts || !may || epochs == 0 || self.state.done > 0 {
            return Ok(None);
        }
        // Of the best epoch's weights those that are kept stay, too; before the first epoch the network gives nothing.
        let mut living = Vec::new();
        for (r, replica) in self.state.replicas.iter().enumerate() {
            let mut own = self.engine.read_u32(MASK, r)?;
            if replica.best.or(replica.before).is_some_and(|(_, epoch)| epoch > 0) {
                let best = self.engine.read_f32(BEST_PARAMS, r)?;
                let words = best.iter().enumerate().filter(|(_, weight)| **weight != 0.0);
                words.for_each(|(word, _)| own[word / 32] |= 1 << (word % 32));
            }
            living.push(own);
        }
        Shrink::of(self.dataset, self.plan, &living)
    }
}
