//! A search that was asked for: its data, what is settled before its first run, and what may be asked for when it is resumed.

use std::path::Path;

use super::folder::{Manifest, Settled};
use super::halving::cost;
use super::options::{Budget, Search, check};
use super::run::{Inner, Make, steps};
use super::space::Space;
use crate::config::{AtResume, Config, Kind, OUTPUT, Settings, find, names_file, options};
use crate::data::{Dataset, counted};
use crate::error::{Error, Result};
use crate::experiment::StudyObserver;
use crate::runs::Say;
use crate::train::auto::choose;
use crate::train::weights::header::DeviceHeader;
use crate::train::{self, Plan, TrainOptions};

/// Steps that are timed for a budget of minutes, and models that are timed side by side.
const TIMED_STEPS: u64 = 4;
const TIMED_MODELS: usize = 4;

/// A search that was asked for, its data read.
#[derive(Debug)]
pub struct Asked {
    /// Options of the run, by name.
    pub(super) run: Settings,
    pub(super) search: Search,
    pub(super) space: Space,
    /// The run as asked for.
    pub(super) config: Config,
    pub(super) dataset: Dataset,
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
