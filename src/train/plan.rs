//! From a data set and options to a program. Defaults are filled in, and impossible settings are rejected.

use super::auto::Candidate;
use super::length::Length;
use super::loss::{Loss, link};
use super::member::{Member, MemberPlan};
use super::options::{CompactEvery, PruneUnit, TrainOptions};
use super::scores::{Level, Prediction};
use crate::data::{Dataset, Scale, Scaler, Series, counted, few};
use crate::engine::Engine;
use crate::error::{Error, Result, Text};
use crate::models::{self, LayerWidths, ModelKind, ModelOptions, Regrow, Training};
use crate::program::builder::{Category, Sizes};
use crate::program::op::{InstanceNorm, Objective};
use crate::program::tensor::{OBSERVED, SCALES, SERIES, SERIES_STARTS};
use crate::program::{Program, ReplicaStep};

/// Words of the per-step tables of all replicas together, at most.
const TABLE_WORDS: usize = 4 << 20;
/// Words of the predictions of all replicas together that wait for one readback, at most.
const PREDICTION_WORDS: usize = 16 << 20;

/// A run, ready for an engine.
#[derive(Debug, Clone)]
pub struct Plan {
    /// With every default that depends on the run filled in.
    pub options: TrainOptions,
    /// What an engine runs.
    pub program: Program,
    /// Optimizer steps of an epoch.
    pub steps_per_epoch: usize,
    /// Epochs of the run.
    pub length: Length,
    /// By replica.
    pub members: Vec<MemberPlan>,
    /// Which weights of a training are kept.
    pub keep: Keep,
    /// What the run began as, if it has shrunk since.
    pub began: Option<Box<Plan>>,
    /// Lines for the user.
    pub notices: Vec<Text>,
}

/// Which of a training's weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Those that `select` names; patience stops a replica.
    Selected,
    /// All three that a study scores, and every replica trains its full length: the best epoch's where patience would
    /// have stopped it ([`super::Snapshot`] `own`), the best from epoch `common_from` on, and the last.
    Three {
        /// From 1.
        common_from: usize,
    },
}

impl Plan {
    /// Whether the models are the ridge before their first step: then that may be what is kept.
    pub fn starts_at_ridge(&self) -> bool {
        self.options.model.ridge_weights().is_some() && self.options.init.is_none()
    }

    /// What a model forecasts of each value.
    pub fn objective(&self) -> Objective {
        self.options.loss.objective(&self.options.levels)
    }

    /// The levels of intervals by which its models are scored; none of models of points.
    pub fn scored_levels(&self) -> Vec<Level> {
        self.options.loss.scored_levels(&self.options.levels)
    }

    /// The outputs `[windows, horizon, targets, outputs]` of one of its models.
    pub fn prediction(&self, values: Vec<f32>) -> Prediction {
        let objective = self.objective();
        Prediction::new(values, objective.outputs(), objective.point())
    }

    /// Whether there is anything to train: a ridge is fitted in closed form.
    pub fn trains(&self) -> bool {
        self.options.model.kind != ModelKind::Ridge
    }

    /// A plain run: the replicas are alike but for their seeds.
    ///
    /// # Errors
    /// [`Error::Config`] where a value fits no data, or not this data and model; it names the option and what to do.
    pub fn new(dataset: &Dataset, options: &TrainOptions) -> Result<Plan> {
        let last_seed = options.seed as u64 + (options.replicas as u64).saturating_sub(1);
        if last_seed > u32::MAX as u64 {
            let problem = format!("replica {} would have seed {last_seed}", options.replicas - 1);
            return Err(Error::config("seed", problem, format!("seeds end at {}", u32::MAX)));
        }
        Plan::of(dataset, options, options.members())
    }

    /// A run of candidates, which differ in how they normalise windows and have one linear path: each trains with every seed, one
    /// candidate after the other.
    pub(super) fn of_candidates(dataset: &Dataset, options: &TrainOptions, candidates: &[Candidate]) -> Result<Plan> {
        let norm = candidates.iter().find_map(|one| one.instance_norm);
        let options = options.with(Candidate { instance_norm: norm, ..candidates[0] });
        let seeds = options.members();
        let mut plan = Plan::of(dataset, &options, candidates.iter().flat_map(|_| seeds.clone()).collect())?;
        for (r, own) in plan.members.iter_mut().enumerate() {
            own.instance_norm = candidates[r / seeds.len()].instance_norm;
        }
        Ok(plan)
    }

    /// A run whose replicas differ: `options.replicas` and the settings of [`Member`] are taken from `members`.
    pub fn of(dataset: &Dataset, options: &TrainOptions, members: Vec<Member>) -> Result<Plan> {
        let mut options = TrainOptions { replicas: members.len(), ..options.clone() };
        check(&options)?;
        options.loss.check(dataset)?;
        if dataset.resolved.scale == Some(Scale::Window) && options.model.instance_norm != Some(InstanceNorm::MeanStd) {
            let problem = "`window` standardises each window by its own mean and deviation";
            return Err(Error::config(
                "scale",
                problem,
                "choose ‹instance-norm mean-std› beside it, or ‹scale global›",
            ));
        }
        if dataset.resolved.future_calendar == Some(true) && dataset.future() == 0 {
            let problem = "`on`, and there are no calendar columns to read ahead";
            let help = "‹calendar on› adds those of times; or leave out ‹future-calendar›";
            return Err(Error::config("future-calendar", problem, help));
        }
        let mut members = members;
        if options.model.kind == ModelKind::Ridge {
            // Nothing is trained, and nothing pruned.
            options.regularizers.0.clear();
            members.iter_mut().for_each(|member| member.regularizers.0.clear());
        }
        let mut notices = Vec::new();
        let steps_per_epoch = dataset.train.len().div_ceil(options.batch);
        let length = options.length(dataset.train.len());
        notices.extend(length.notice(&options, steps_per_epoch).filter(|_| options.model.kind != ModelKind::Ridge));
        (options.epochs, options.patience) = (Some(length.epochs), Some(length.patience));
        options.model.patchtst = options.model.patchtst.resolved(dataset.lookback);
        let sizes = sizes(dataset, &options, steps_per_epoch);
        let layout = models::pruned(&options.model, &training(&options, &members), &sizes)?;
        let members: Vec<MemberPlan> = members
            .into_iter()
            .map(|member| MemberPlan::new(member, &options, (length.epochs, steps_per_epoch), &layout, &mut notices))
            .collect::<Result<_>>()?;
        if let Some(first) = members.first() {
            options.pruning = first.member.pruning.clone();
        }
        notices.extend(embeddings(&options.model, &sizes));
        let compacts = options.compact_every != CompactEvery::Never && members.iter().any(|one| one.prune.is_some());
        if compacts && models::unit_sets(&options.model, &layout).is_empty() {
            let problem = format!("{} has no units to go on without", options.model.kind);
            return Err(Error::config("compact-every", problem, "leave it out, or choose another ‹model›"));
        }
        if let CompactEvery::Epochs(every) = options.compact_every
            && compacts
            && every >= length.epochs
        {
            let problem = format!("{every} is no epoch after which the run, of {}, goes on", length.epochs);
            return Err(Error::config("compact-every", problem, "choose fewer, or ‹compact-every auto›"));
        }
        if compacts && options.prune_rule.regrow != Regrow::None {
            let problem = "weights of units that have gone could not grow again";
            return Err(Error::config("compact-every", problem, "leave it out, or choose ‹regrow none›"));
        }
        if compacts && members.iter().any(|one| one.member.regularizers.drops() || one.random_pruning()) {
            let line = "dropout and random pruning draw by a unit's place: once the network is smaller, other draws than without \
                        ‹compact-every›";
            notices.push(line.into());
        }
        let program = models::build(&options.model, &training(&options, own(&members)), sizes)?;
        Ok(Plan { options, program, steps_per_epoch, length, members, keep: Keep::Selected, began: None, notices })
    }

    /// The same run with these widths of its layers: with fewer units, as it goes on without those that fell.
    ///
    /// # Errors
    /// [`Error::Config`] where the run cannot have them.
    pub(super) fn shrunk(&self, dataset: &Dataset, widths: &[LayerWidths]) -> Result<Plan> {
        let mut plan = self.clone();
        let options = &mut plan.options;
        options.model.layer_widths = widths.to_vec();
        let sizes = sizes(dataset, options, self.steps_per_epoch);
        // The tables of steps stay as long, so that a run looks for divergence at the same steps.
        let sizes = Sizes { slots: self.program.slots, prediction_slots: self.program.prediction_slots, ..sizes };
        plan.program = models::build(&options.model, &training(options, own(&self.members)), sizes)?;
        plan.began = Some(Box::new(self.began().clone()));
        Ok(plan)
    }

    /// What the run began as: of its weights pruning's schedule is a share.
    pub fn began(&self) -> &Plan {
        self.began.as_deref().unwrap_or(self)
    }

    /// What of the budget has gone with the units that the run went on without.
    pub fn gone(&self) -> usize {
        self.began().program.params.budget() - self.program.params.budget()
    }
}

/// The settings of replicas that are fitted to their run.
fn own(members: &[MemberPlan]) -> impl Iterator<Item = &Member> {
    members.iter().map(|one| &one.member)
}

/// What a program does for its replicas.
fn training<'a>(options: &TrainOptions, members: impl IntoIterator<Item = &'a Member>) -> Training {
    let (mut dropout, mut clip) = (false, false);
    for member in members {
        dropout |= member.regularizers.drops();
        clip |= member.clip_grad_norm.is_some();
    }
    Training { dropout, clip, rule: options.prune_rule.clone(), units: options.prune_unit == PruneUnit::Unit }
}

impl Sizes {
    /// Of one window and one model on a data set: more of them are set beside.
    #[must_use]
    pub fn of(dataset: &Dataset) -> Sizes {
        let category = |(channel, levels): (usize, &Vec<String>)| Category {
            name: dataset.channel_names()[channel].clone(),
            channel,
            levels: levels.len(),
        };
        Sizes {
            rows: dataset.rows(),
            channels: dataset.channels(),
            targets: dataset.targets(),
            future: dataset.future(),
            categories: dataset.columns.categories().zip(&dataset.levels).map(category).collect(),
            horizon: dataset.horizon,
            lookback: dataset.lookback,
            series: dataset.series.len(),
            ..Sizes::default()
        }
    }
}

/// A line about the embeddings of categorical columns, where there are any.
fn embeddings(model: &ModelOptions, sizes: &Sizes) -> Option<Text> {
    let of = |one: &Category| {
        format!("`{}` {} in {}", one.name, counted(one.levels, "level"), counted(model.width_of(one.levels), "word"))
    };
    let all = few(sizes.categories.len(), sizes.categories.iter().map(of));
    (!sizes.categories.is_empty()).then(|| format!("embeddings: {all} (‹embedding-width›)").into())
}

/// How much lies on the device at a time.
fn sizes(dataset: &Dataset, options: &TrainOptions, steps_per_epoch: usize) -> Sizes {
    let objective = options.loss.objective(&options.levels);
    let (replicas, batch) = (options.replicas, options.batch);
    let outputs = dataset.horizon * dataset.targets() * objective.outputs();
    let slot_words = replicas * (ReplicaStep::WORDS + batch);
    let slots = (TABLE_WORDS / slot_words).clamp(1, steps_per_epoch.max(1));
    let scored = dataset.validation.len().max(dataset.test.len()).div_ceil(batch);
    let prediction_slots = (PREDICTION_WORDS / (replicas * batch * outputs)).clamp(1, slots.min(scored).max(1));
    let link = dataset.resolved.bounds.map(link);
    Sizes { replicas, batch, slots, prediction_slots, objective, link, ..Sizes::of(dataset) }
}

/// Writes a data set to an engine, with the weights that a loss gives its values.
pub(crate) fn fill(dataset: &Dataset, loss: Loss, engine: &mut dyn Engine) -> Result<()> {
    engine.write_f32(SERIES, 0, &dataset.values)?;
    engine.write_f32(OBSERVED, 0, &loss.weights(dataset))?;
    if engine.program().tensor(SCALES).words() == 0 {
        return Ok(());
    }
    let first_row = |series: &Series| (series.rows.start - dataset.padding) as u32;
    let starts: Vec<u32> = dataset.series.iter().map(first_row).collect();
    let scalers = dataset.series.iter().flat_map(|series| &series.scalers[..dataset.targets()]);
    let scale = |scaler: &Scaler| [if scaler.at_bound { 0.0 } else { scaler.std as f32 }, scaler.mean as f32];
    let scales: Vec<f32> = scalers.flat_map(scale).collect();
    engine.write_u32(SERIES_STARTS, 0, &starts)?;
    engine.write_f32(SCALES, 0, &scales)
}

/// Rejects values that are unsound for any data.
fn check(options: &TrainOptions) -> Result<()> {
    for (key, open) in [("instance-norm", options.auto.instance_norm), ("linear-path", options.auto.linear_path)] {
        if open {
            let help = format!("name one, or let `train::auto::choose` do so; a study takes a list of them as ‹{key}›");
            return Err(Error::config(key, "`auto` has not been settled", help));
        }
    }
    let at_least_1 = [
        ("batch", options.batch),
        ("epochs", options.epochs.unwrap_or(1)),
        ("replicas", options.replicas),
        ("mc-passes", options.mc_passes),
    ];
    for (key, value) in at_least_1 {
        if value == 0 {
            return Err(Error::config(key, "0 is out of range", format!("choose ‹{key}› 1 or more")));
        }
    }
    let patchtst = &options.model.patchtst;
    let chances = [("attention-dropout", patchtst.attention_dropout), ("head-dropout", patchtst.head_dropout)];
    for (key, chance) in chances {
        if !(0.0..1.0).contains(&chance) {
            let help = format!("choose ‹{key}› from 0 to below 1: the probability of dropping an element");
            return Err(Error::config(key, format!("{chance} is out of range"), help));
        }
    }
    if options.max_steps == Some(0) {
        return Err(Error::config("max-steps", "0 trains nothing", "choose ‹max-steps› 1 or more"));
    }
    Ok(())
}
