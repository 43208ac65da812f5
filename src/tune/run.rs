//! A search from its first step to its last: drawn, run rung by rung, resumed.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::Asked;
use super::folder::{Folder, HELP, Score, Scores, Settled};
use super::halving::{rungs, survivors};
use super::options::Search;
use super::ranges;
use super::results::{Results, Scored};
use super::sample::{Configuration, configurations};
use super::shape::{Group, Windows, groups};
use super::space::Space;
use crate::config::Config;
use crate::data::{counted, few, grouped};
use crate::error::{Error, Result, Text};
use crate::experiment::StudyObserver;
use crate::program::Program;
use crate::program::tensor::{BEST_PARAMS, BEST_STATE, PARAMS, STATE};
use crate::runs::Say;
use crate::train::options::Select;
use crate::train::scores::baselines::{BaselineForecasts, baselines};
use crate::train::weights::checkpoints::{self, Checkpoints};
use crate::train::{
    Observer, Plan, Progress, RunState, Status, TrainOptions, losses_of, run_from, run_until, summarize,
};

pub use crate::train::run::Make;

/// A search whose configurations are drawn and all fit.
#[derive(Debug)]
pub struct Tuning {
    pub(super) search: Search,
    pub(super) space: Space,
    pub(super) configurations: Vec<Configuration>,
    windows: Vec<Windows>,
    pub(super) groups: Vec<Group>,
    /// By group, the steps after which losses are compared.
    rungs: Vec<Vec<usize>>,
}

/// A group of configurations before it is run.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The values that all of it share, each with its option; empty if one shape is searched.
    pub shape: Vec<String>,
    /// Its configurations.
    pub configurations: usize,
    /// Steps of its whole training.
    pub steps: usize,
    /// Steps after which its losses are compared.
    pub rungs: Vec<usize>,
    /// Bytes of one replica's tensors, and of those that all share.
    pub bytes: (u64, u64),
    /// Its program.
    pub program: Program,
}

impl Tuning {
    /// Draws the configurations and reads the data of each look-back.
    ///
    /// # Errors
    /// Names the configuration and the option that cannot be had.
    pub fn new(asked: &Asked, settled: &Settled, say: &Say) -> Result<Tuning> {
        let Asked { search, space, dataset, .. } = asked;
        let mut base = asked.run.clone();
        // What the data and the validation rows have settled.
        let lookback = dataset.lookback.to_string();
        let mut known = vec![("lookback", lookback.as_str()), ("instance-norm", &settled.instance_norm)];
        if !asked.config.train.model.kind.is_linear() {
            known.push(("linear-path", &settled.linear_path));
        }
        known.into_iter().try_for_each(|(name, text)| base.set(name, text))?;
        ranges::check(&base, space, dataset)?;
        let mut notices = Vec::new();
        let configurations = configurations(&base, space, settled.configurations, &mut notices)?;
        notices.iter().for_each(|line| say(line));
        let (windows, groups) = groups(&configurations, space, search.seeds)?;
        let rungs = groups.iter().map(|group| {
            let plan = group.plan(&windows, &configurations, space)?;
            Ok(rungs(steps(&plan), search.halving))
        });
        let rungs: Vec<Vec<usize>> = rungs.collect::<Result<_>>()?;
        let most = rungs.iter().map(Vec::len).max().unwrap_or(1);
        if rungs.iter().any(|own| own.len() < most) {
            let help = "train longer (‹epochs›), or turn ‹halving off›";
            return Err(Error::config("halving", "a training is too short to be cut in three", help));
        }
        let (search, space) = (search.clone(), space.clone());
        Ok(Tuning { search, space, configurations, windows, groups, rungs })
    }

    /// How many are tried, in words.
    pub fn words(&self) -> String {
        let shapes: BTreeSet<Vec<String>> = (0..self.groups.len()).map(|group| self.shape(group)).collect();
        let seeds = if self.search.seeds > 1 {
            format!(", {} each", counted(self.search.seeds, "seed"))
        } else {
            String::new()
        };
        let models = self.configurations.len() * self.search.seeds;
        format!(
            "{} in {}{seeds}: {}",
            counted(self.configurations.len(), "configuration"),
            counted(shapes.len(), "shape"),
            counted(models, "model")
        )
    }

    /// The values that a group's configurations share, of those that make shapes.
    fn shape(&self, group: usize) -> Vec<String> {
        let first = &self.configurations[self.groups[group].configurations[0]];
        let own = |one: &&str| super::space::OF_SHAPES.contains(one);
        let values = self.space.0.iter().zip(&first.values).filter(|(dimension, _)| own(&dimension.name));
        values.map(|(dimension, value)| format!("{} {value}", dimension.name)).collect()
    }

    /// Every group, before it is run.
    pub fn prepared(&self) -> Result<Vec<Prepared>> {
        let one = |(number, group): (usize, &Group)| {
            let plan = group.plan(&self.windows, &self.configurations, &self.space)?;
            Ok(Prepared {
                shape: self.shape(number),
                configurations: group.configurations.len(),
                steps: steps(&plan),
                rungs: self.rungs[number].clone(),
                bytes: crate::experiment::cell::bytes(&plan.program),
                program: plan.program,
            })
        };
        self.groups.iter().enumerate().map(one).collect()
    }

    /// Runs what is not done yet, and scores the chosen configuration and the run's own on the test rows. `None` where the observer
    /// interrupted.
    ///
    /// # Errors
    /// [`Error::Diverged`] where every configuration did; where the device or the disk fails.
    pub fn run(&self, folder: &Folder, make: &mut Make, observer: &mut dyn StudyObserver) -> Result<Option<Results>> {
        let mut scores = folder.scores()?;
        let mut training = vec![true; self.configurations.len()];
        let times = self.rungs.first().map_or(1, Vec::len);
        scores.resize(times.max(scores.len()), BTreeMap::new());
        for rung in 0..times {
            let wanted = |group: &Group| {
                group.configurations.iter().any(|one| training[*one] && !scores[rung].contains_key(one))
            };
            let todo: Vec<usize> = (0..self.groups.len()).filter(|group| wanted(&self.groups[*group])).collect();
            if !todo.is_empty() {
                observer.line(&self.line(rung, training.iter().filter(|training| **training).count()));
            }
            for group in todo {
                let step = (rung + 1 < times).then(|| self.rungs[group][rung]);
                let at = Place { group, place: rung * self.groups.len() + group, all: times * self.groups.len() };
                let Some(found) = self.train(&at, step, &training, folder, make, observer)? else { return Ok(None) };
                scores[rung].extend(found);
                folder.save_scores(&scores)?;
            }
            let losses: Vec<f64> =
                (0..training.len()).map(|one| scores[rung].get(&one).map_or(f64::INFINITY, Score::loss)).collect();
            if rung + 1 < times {
                training = survivors(&losses, &training);
            }
        }
        self.finish(&scores, folder, make, observer)
    }

    /// When all configurations are compared first, in words, with what of the pruning is done by then.
    pub(super) fn first_rung(&self) -> Result<String> {
        if !self.search.halving {
            return Ok("at the end".into());
        }
        let mut words = BTreeSet::new();
        let (mut pruned, mut wanted) = (0.0f64, 0.0f64);
        for (group, rungs) in self.groups.iter().zip(&self.rungs) {
            let plan = group.plan(&self.windows, &self.configurations, &self.space)?;
            let (step, all) = (rungs[0], plan.length.epochs);
            let epoch = step.div_ceil(plan.steps_per_epoch);
            words.insert(format!("{} of {}, in epoch {epoch} of {all}", grouped(step), counted(steps(&plan), "step")));
            for prune in plan.members.iter().filter_map(|member| member.prune.as_ref()) {
                let due = (1..=step).rev().find(|step| prune.due(step.div_ceil(plan.steps_per_epoch), *step));
                let count = due.map_or(0, |step| prune.pruned_after(step.div_ceil(plan.steps_per_epoch), step, 0));
                pruned = pruned.max(count as f64 / prune.prunable as f64);
                wanted = wanted.max(prune.sparsity.max);
            }
        }
        let words = few(words.len(), words.into_iter());
        if wanted == 0.0 || pruned >= wanted {
            return Ok(format!("after {words}"));
        }
        let [pruned, wanted] = [pruned, wanted].map(|share| 100.0 * share);
        Ok(format!(
            "after {words}, when at most {pruned:.1} % of up to {wanted:.1} % of the weights are pruned: ‹halving off› compares whole \
             trainings"
        ))
    }

    /// What begins.
    fn line(&self, rung: usize, count: usize) -> Text {
        let steps: BTreeSet<usize> = self.rungs.iter().map(|own| own[rung]).collect();
        let least = steps.first().map_or(0, |steps| *steps);
        let most = steps.last().map_or(0, |steps| *steps);
        let steps = if least == most {
            counted(most, "step")
        } else {
            format!("{} to {} steps, by shape", grouped(least), grouped(most))
        };
        format!("{} up to {steps}", counted(count, "configuration")).into()
    }

    /// Trains a group's configurations up to a step, or to their end. What they score; `None` where the observer interrupted.
    fn train(
        &self,
        at: &Place,
        step: Option<usize>,
        training: &[bool],
        folder: &Folder,
        make: &mut Make,
        observer: &mut dyn StudyObserver,
    ) -> Result<Option<BTreeMap<usize, Score>>> {
        let group = &self.groups[at.group];
        let windows = &self.windows[group.windows];
        let dataset = &windows.dataset;
        let plan = group.plan(&self.windows, &self.configurations, &self.space)?;
        let place = folder.run(at.group)?;
        let mut from = if checkpoints::any(&place) { Some(checkpoints::newest(&place)?.0.run()?) } else { None };
        if let (Some(state), Some(step)) = (&from, step)
            && state.step(plan.steps_per_epoch) > step
        {
            let problem = format!("{} has trained beyond step {step}, and its scores are not there", place.display());
            return Err(Error::config("resume", problem, "begin a new search"));
        }
        let rests = |one: &usize| !training[*one];
        for dropped in (0..group.configurations.len()).filter(|place| rests(&group.configurations[*place])) {
            from.iter_mut().for_each(|state| state.drop_replicas(group.replicas(dropped)));
        }
        let mut engine = make(&plan.program)?;
        let first = &self.configurations[group.configurations[0]].config;
        let config = Config { train: plan.options.clone(), data: dataset.resolved.clone(), ..first.clone() };
        let mut kept = Checkpoints::open(&place, config.checkpoint_every, 1, &config.to_toml(), from.as_ref())?;
        let mut inner = Inner { observer: &mut *observer, place: at.place, all: at.all, until: step };
        let trained = match step {
            Some(step) => run_until(dataset, &plan, engine.as_mut(), &mut inner, from, Some(&mut kept), step)?,
            None => run_from(dataset, &plan, engine.as_mut(), &mut inner, from, Some(&mut kept))?,
        };
        let end = trained.end.step(plan.steps_per_epoch);
        if trained.status == Status::Interrupted && step.is_none_or(|step| end < step) {
            return Ok(None);
        }
        if !kept.stands(&trained.end) {
            let problem = format!("{} does not take the state of a run", place.display());
            return Err(Error::config("out", problem, HELP));
        }
        let mut wanted = Vec::new();
        for (r, replica) in trained.replicas.iter().enumerate() {
            wanted.push(!rests(&group.configurations[r / group.seeds]) && replica.diverged.is_none());
            // One that stopped early keeps its best weights; of the others, those count that it stands at.
            let stopped = trained.status == Status::Interrupted && !replica.active && replica.best.is_some();
            if stopped && plan.options.select == Select::Best && plan.options.max_steps.is_none() {
                engine.copy(BEST_PARAMS, PARAMS, r)?;
                engine.copy(BEST_STATE, STATE, r)?;
            }
        }
        let stop = || observer.interrupted();
        let Some(losses) = losses_of(engine.as_mut(), &plan, dataset, &windows.scored, &wanted, &stop)? else {
            return Ok(None);
        };
        let finite = |loss: &f64| Some(*loss).filter(|loss| loss.is_finite());
        let score = |place: usize| Score {
            losses: losses[group.replicas(place)].iter().map(finite).collect(),
            steps: trained.replicas[group.replicas(place)].iter().map(|replica| replica.steps).sum(),
        };
        let found = group.configurations.iter().enumerate().filter(|(_, one)| !rests(one));
        Ok(Some(found.map(|(place, one)| (*one, score(place))).collect()))
    }

    /// Chooses, and only then scores the test rows.
    fn finish(
        &self,
        scores: &Scores,
        folder: &Folder,
        make: &mut Make,
        observer: &mut dyn StudyObserver,
    ) -> Result<Option<Results>> {
        let mut results = Results::new(self, scores)?;
        let Some(chosen) = results.chosen() else {
            return Err(Error::Diverged(format!(
                "all {} diverged",
                counted(self.configurations.len(), "configuration")
            )));
        };
        for one in BTreeSet::from([0, chosen]) {
            if !results.is_whole(one) {
                continue;
            }
            let Some(scored) = self.score(one, folder, make, observer)? else { return Ok(None) };
            results.scored.push(scored);
        }
        let windows =
            self.groups.iter().find(|group| group.configurations.contains(&chosen)).map_or(0, |one| one.windows);
        let dataset = &self.windows[windows].dataset;
        let train = &self.configurations[chosen].config.train;
        let levels = train.loss.scored_levels(&train.levels);
        results.baselines = Some(BaselineForecasts::of_test(dataset, !levels.is_empty()).score(dataset, &levels));
        Ok(Some(results))
    }

    /// Scores the kept weights of a configuration that trained to its end, as a run of its own does.
    fn score(
        &self,
        one: usize,
        folder: &Folder,
        make: &mut Make,
        observer: &mut dyn StudyObserver,
    ) -> Result<Option<Scored>> {
        let (number, group, place) = self
            .groups
            .iter()
            .enumerate()
            .find_map(|(number, group)| Some((number, group, group.configurations.iter().position(|own| *own == one)?)))
            .expect("every configuration is in a group");
        let dataset = &self.windows[group.windows].dataset;
        let state = checkpoints::newest(&folder.run(number)?)?.0.run()?;
        let state: RunState = state.of_replicas(group.replicas(place));
        let config = &self.configurations[one].config;
        let plan = Plan::new(dataset, &TrainOptions { replicas: group.seeds, ..config.train.clone() })?;
        let mut engine = make(&plan.program)?;
        let mut inner = Inner::quiet(observer);
        let trained = run_from(dataset, &plan, engine.as_mut(), &mut inner, Some(state), None)?;
        if trained.status == Status::Interrupted {
            return Ok(None);
        }
        let outcome = summarize(dataset, &plan, engine.as_mut(), trained, baselines(dataset), &inner)?;
        if outcome.summary.status == Status::Interrupted {
            return Ok(None);
        }
        let config = Config { train: plan.options.clone(), data: dataset.resolved.clone(), ..config.clone() };
        Ok(Some(Scored { number: one, toml: config.to_toml(), summary: outcome.summary }))
    }
}

/// Steps of a whole training.
pub(super) fn steps(plan: &Plan) -> usize {
    let all = plan.length.epochs * plan.steps_per_epoch;
    plan.options.max_steps.map_or(all, |most| all.min(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// Which part of the search is under way.
struct Place {
    group: usize,
    place: usize,
    all: usize,
}

/// A run's progress as a part of the search's.
pub(super) struct Inner<'a> {
    observer: &'a mut dyn StudyObserver,
    place: usize,
    all: usize,
    until: Option<usize>,
}

impl<'a> Inner<'a> {
    /// Tells nothing, and is interrupted alike.
    pub(super) fn quiet(observer: &'a mut dyn StudyObserver) -> Inner<'a> {
        Inner { observer, place: 0, all: 0, until: None }
    }
}

impl Observer for Inner<'_> {
    fn progress(&mut self, progress: &Progress) {
        if self.all > 0 {
            let steps = self.until.unwrap_or(progress.steps).max(1);
            self.observer.progress(self.place, self.all, (progress.step as f64 / steps as f64).min(1.0), None);
        }
    }

    fn interrupted(&self) -> bool {
        self.observer.interrupted()
    }
}
