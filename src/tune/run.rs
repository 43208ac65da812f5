//! A search from its first step to its last: settled, run rung by rung, resumed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::folder::{Folder, HELP, Manifest, Score, Scores, Settled};
use super::halving::{cost, rungs, survivors};
use super::options::{Budget, Search, check};
use super::results::{Results, Scored};
use super::sample::{Configuration, configurations};
use super::shape::{Group, Windows, groups};
use super::space::Space;
use crate::config::{AtResume, Config, Kind, OUTPUT, Settings, find, names_file, options};
use crate::data::{Dataset, counted, grouped};
use crate::engine::Engine;
use crate::error::{Error, Result, Text};
use crate::experiment::StudyObserver;
use crate::program::Program;
use crate::program::tensor::{BEST_PARAMS, BEST_STATE, PARAMS, STATE};
use crate::runs::Say;
use crate::train::auto::choose;
use crate::train::options::Select;
use crate::train::scores::baselines::BaselineForecasts;
use crate::train::weights::checkpoints::{self, Checkpoints};
use crate::train::weights::header::DeviceHeader;
use crate::train::{
    self, Observer, Plan, Progress, RunState, Status, TrainOptions, losses_of, run_from, run_until, summarize,
};

/// Makes an engine for a program.
pub type Make<'a> = dyn FnMut(&Program) -> Result<Box<dyn Engine>> + 'a;

/// Steps that are timed for a budget of minutes, and models that are timed side by side.
const TIMED_STEPS: u64 = 4;
const TIMED_MODELS: usize = 4;

/// A search that was asked for, its data read.
#[derive(Debug)]
pub struct Asked {
    /// Options of the run, by name.
    run: Settings,
    search: Search,
    space: Space,
    /// The run as asked for.
    config: Config,
    dataset: Dataset,
}

impl Asked {
    /// Reads the data. `say` hears what was found in it.
    ///
    /// # Errors
    /// What is asked for and cannot be had, named by its option.
    pub fn new(run: &Settings, search: &Search, say: &Say) -> Result<Asked> {
        check(run)?;
        let mut run = run.clone();
        // Where results go is no part of what is searched.
        OUTPUT.iter().for_each(|one| drop(run.remove(one.spec.name)));
        // The search may go on from another folder.
        for spec in options().map(|one| &one.spec).filter(|spec| spec.kind == Kind::File) {
            if let Some(text) = run.get(spec.name).filter(|text| names_file(spec, text)) {
                let path = std::path::absolute(text).map_err(Error::io(text, "name a file"))?;
                run.insert(spec, path.display().to_string());
            }
        }
        let config = Config::new(&run)?;
        config.train.init.as_deref().map_or(Ok(()), train::weights::check)?;
        let dataset = config.data.load()?;
        dataset.notices.iter().for_each(|line| say(line));
        if dataset.validation.is_empty() {
            let problem = "0 leaves no validation rows, and configurations are compared on them";
            return Err(Error::config("val-size", problem, "give the run validation rows"));
        }
        let space = search.space.clone().unwrap_or_else(|| Space::of(&config));
        let asked = Asked { run, search: search.clone(), space, config, dataset };
        asked.plan(1)?.notices.iter().for_each(|line| say(line));
        Ok(asked)
    }

    /// What is searched.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The plan of one model of the run, with the first of what `auto` leaves open.
    fn plan(&self, seeds: usize) -> Result<Plan> {
        Plan::new(&self.dataset, &TrainOptions { replicas: seeds, ..self.config.train.first_choice() })
    }

    /// Settles what `auto` leaves open, by the run's own settings, and how many configurations the budget pays for; `None` where the
    /// observer interrupted. `choosing`: whether candidates are trained; else the first is taken.
    ///
    /// # Errors
    /// A budget that pays for fewer than two configurations; where the device fails.
    pub fn settle(&self, make: &mut Make, choosing: bool, observer: &mut dyn StudyObserver) -> Result<Option<Settled>> {
        let seeds = self.search.seeds;
        let plan = self.plan(seeds.min(TIMED_MODELS))?;
        let mut engine = make(&plan.program)?;
        let device = DeviceHeader::of(engine.as_ref());
        let mut tried = self.search.configurations;
        if let Some(budget) = self.search.budget {
            let steps = steps(&plan) as f64;
            let each = match budget {
                Budget::Steps(_) => steps,
                Budget::Minutes(_) => steps * self.seconds_per_step(make)? / 60.0,
            };
            let most = match budget {
                Budget::Steps(most) => most as f64,
                Budget::Minutes(most) => most,
            };
            let pays = |count: &usize| cost(*count, self.search.halving) * each * seeds as f64 <= most;
            tried = (2..=tried).rev().find(pays).ok_or_else(|| {
                let problem =
                    format!("{budget} pays for fewer than two configurations of {}", counted(steps as usize, "step"));
                Error::config("budget", problem, "a larger ‹budget›, fewer ‹seeds› or ‹epochs›, or a smaller model")
            })?;
            observer.line(&format!("the budget of {budget} pays for {}", counted(tried, "configuration")).into());
        }
        let mut options = self.config.train.first_choice();
        if let (Some(line), true) = (self.config.train.to_choose(), choosing) {
            observer.line(&line);
            let asked = TrainOptions { replicas: seeds, ..self.config.train.clone() };
            let Some(chosen) = choose(&self.dataset, &asked, make, &mut Inner::quiet(observer))? else {
                return Ok(None);
            };
            chosen.state.notices.first().into_iter().for_each(|line| observer.line(line));
            options = chosen.options;
        }
        engine.wait()?;
        Ok(Some(Settled {
            instance_norm: options.model.instance_norm.map_or("none".into(), |norm| norm.to_string()),
            linear_path: options.model.linear_path.to_string(),
            configurations: tried,
            device,
        }))
    }

    /// Of one model, among as many as are timed together.
    fn seconds_per_step(&self, make: &mut Make) -> Result<f64> {
        let options =
            TrainOptions { max_steps: Some(TIMED_STEPS), replicas: TIMED_MODELS, ..self.config.train.first_choice() };
        let mut dataset = self.dataset.clone();
        dataset.validation.truncate(1);
        let plan = Plan::new(&dataset, &options)?;
        let mut engine = make(&plan.program)?;
        train::run(&dataset, &plan, engine.as_mut(), &mut ())?;
        let timed = train::run(&dataset, &plan, engine.as_mut(), &mut ())?;
        Ok(options.batch as f64 / timed.windows_per_second.max(1e-9))
    }

    /// Rejects data that has changed since a search began.
    ///
    /// # Errors
    /// With both hashes.
    pub fn check_same(&self, manifest: &Manifest) -> Result<()> {
        let (was, is) = (&manifest.fingerprint, &self.dataset.fingerprint);
        if was == is {
            return Ok(());
        }
        let problem =
            format!("the data `{}` has changed since the search began: SHA-256 was {was}, is {is}", self.dataset.name);
        Err(Error::config("resume", problem, "bring the file back, or begin a new search"))
    }

    /// What is kept of a search to continue it.
    pub fn manifest(&self, settled: &Settled) -> Manifest {
        let run = self.run.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        let search = self.search.settings().into_iter().map(|(name, text)| (name.to_string(), text)).collect();
        Manifest::new(run, search, &self.dataset.fingerprint, settled.clone())
    }
}

/// What a folder's search was asked for, with what may be typed at resume laid over it.
///
/// # Errors
/// Names each option that is typed and differs.
pub fn resumed(folder: &Path, typed: &Settings, search: &[(String, String)]) -> Result<(Settings, Search, Manifest)> {
    let manifest = Manifest::read(folder)?;
    let mut run = Settings::default();
    manifest.run.iter().try_for_each(|(name, text)| run.set(name, text))?;
    let specs: Vec<_> = options().map(|one| &one.spec).collect();
    let mut differences: Vec<String> = Vec::new();
    let mut compare = |name: &str, before: Option<&str>, text: &str| {
        if before != Some(text) {
            differences.push(format!("‹{name}› was {}, here {text}", before.unwrap_or("unset")));
        }
    };
    for (name, text) in typed.iter() {
        let spec = find(name, &specs)?;
        match spec.at_resume {
            AtResume::Free => run.insert(spec, text.into()),
            _ => compare(name, manifest.run.get(name).map(String::as_str), text),
        }
    }
    for (name, text) in search {
        compare(name, manifest.search.get(name).map(String::as_str), text);
    }
    if !differences.is_empty() {
        let problem = format!("the search was asked for other settings: {}", differences.join("; "));
        return Err(Error::config("resume", problem, "leave them out, or begin a new search"));
    }
    let search = Search::new(manifest.search.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
    Ok((run, search, manifest))
}

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
        let mut results = Results::new(self, scores);
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
        results.baselines = Some(BaselineForecasts::of_test(dataset).score(dataset));
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
        let baselines = BaselineForecasts::of_test(dataset).score(dataset);
        let outcome = summarize(dataset, &plan, engine.as_mut(), trained, baselines, &inner)?;
        if outcome.summary.status == Status::Interrupted {
            return Ok(None);
        }
        let config = Config { train: plan.options.clone(), data: dataset.resolved.clone(), ..config.clone() };
        Ok(Some(Scored { number: one, toml: config.to_toml(), summary: outcome.summary }))
    }
}

/// Steps of a whole training.
fn steps(plan: &Plan) -> usize {
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
struct Inner<'a> {
    observer: &'a mut dyn StudyObserver,
    place: usize,
    all: usize,
    until: Option<usize>,
}

impl<'a> Inner<'a> {
    /// Tells nothing, and is interrupted alike.
    fn quiet(observer: &'a mut dyn StudyObserver) -> Inner<'a> {
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
