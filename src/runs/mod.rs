//! A whole run, as `microglia train` does it: from a configuration to the files in its folder.
//!
//! [`Run::new`] reads the data, plans the training and opens the device; [`Run::train`] trains, keeps checkpoints and writes
//! the results. [`Run::resume`] continues a run from its newest checkpoint.
//!
//! ```no_run
//! use microglia::config::{Config, Settings};
//! use microglia::runs::{Run, silent};
//!
//! # fn main() -> microglia::Result<()> {
//! let settings = Settings::from_table(&"data = 'sales.csv'\nhorizon = 14\nout = 'runs/sales'".parse().unwrap())?;
//! let run = Run::new(&Config::new(&settings)?, &silent())?;
//! let done = run.train(&mut ())?;
//! println!("test MAE {:?}", done.outcome.summary.best.test.mae);
//! # Ok(())
//! # }
//! ```

mod engines;
mod folder;
mod owner;
#[cfg(feature = "plots")]
mod pictures;
mod results;
mod resume;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, Settings};
use crate::data::{Closed, Dataset};
use crate::engine::Engine;
use crate::error::{Result, Text};
use crate::kernels::tuning::Tuning;
use crate::program::Program;
use crate::train::auto::choose;
use crate::train::run::begin;
use crate::train::scores::baselines::BaselineForecasts;
use crate::train::weights::header::DeviceHeader;
use crate::train::{
    Checkpoints, Observer, Outcome, Plan, RunState, Status, TrainOptions, run_compacting, summarize, weights,
};

pub use engines::{Engines, passed_over};
pub(crate) use folder::SEARCH;
pub use folder::{RunFolder, inputs};
pub use owner::Owner;
use results::Finished;
pub use results::json;
use resume::Resumed;

/// Hears what a user should know while a run is prepared.
pub type Say = Arc<dyn Fn(&Text) + Send + Sync>;

/// Tells nobody.
pub fn silent() -> Say {
    Arc::new(|_| {})
}

/// A run that is ready to train: its data is read, its training planned, its engine made.
#[must_use = "a prepared run trains nothing by itself"]
pub struct Run {
    folder: RunFolder,
    config: Config,
    dataset: Dataset,
    plan: Plan,
    engines: Engines,
    engine: Box<dyn Engine>,
    /// Where it stood, if it is resumed.
    from: Option<RunState>,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Done {
    /// The run folder.
    pub folder: PathBuf,
    /// Its results.
    pub outcome: Outcome,
    /// Whether the results are in the folder.
    pub written: Result<()>,
}

impl Run {
    /// Prepares a new run. `say` hears what was found in the data, what was decided, and where the run is computed.
    ///
    /// # Errors
    /// What the configuration asks for and cannot be had, named by its option; data that cannot be read; a folder that holds a
    /// run already.
    pub fn new(config: &Config, say: &Say) -> Result<Run> {
        // What can be rejected without the data is, before it is read.
        let engines = Engines::open(&config.device, config.threads, say)?;
        engines.check_tuning(config)?;
        config.train.init.as_deref().map_or(Ok(()), weights::check)?;
        config.out.as_deref().map_or(Ok(()), |out| Owner::Run.check(out))?;
        let folder =
            RunFolder::create(config.out.as_deref(), config.train.model.kind, config.overwrite, config.inputs())?;
        let prepared = Prepared::new(config, None, engines, say);
        match prepared.and_then(|prepared| prepared.engine(say)) {
            Ok((prepared, engine)) => Ok(prepared.run(folder, engine, None)),
            Err(error) => {
                folder.discard();
                Err(error)
            }
        }
    }

    /// Prepares a run to continue from the newest checkpoint in its folder, with the settings that it began with and others laid
    /// over them; `None` where it is finished and no longer one is asked for.
    ///
    /// # Errors
    /// Names what differs from the run that began: settings, the data file, the class of device.
    pub fn resume(folder: &Path, settings: &Settings, say: &Say) -> Result<Option<Run>> {
        let mut resumed = Resumed::open(folder, settings, say)?;
        if resumed.is_finished(folder) && resumed.config.differences(resumed.before()).is_empty() {
            return Ok(None);
        }
        let engines = Engines::open(&resumed.config.device, resumed.config.threads, say)?;
        let config = resumed.config_on(engines.gpu());
        RunFolder::check_apart(folder, config.data.inputs())?;
        let (prepared, engine) = Prepared::new(&config, Some(&resumed.holidays()), engines, say)?.engine(say)?;
        let device = DeviceHeader::of(engine.as_ref());
        resumed.check_reaches(&prepared.plan)?;
        let state = resumed.state(&prepared.dataset, &prepared.plan, &prepared.config, &device, say)?;
        if resumed.is_finished(folder) {
            return Ok(None);
        }
        say(&resume::line(&state, &prepared.plan));
        Ok(Some(prepared.run(RunFolder::of_run(folder), engine, Some(state))))
    }

    /// Most epochs of the run, and its best one so far, if it is resumed.
    pub fn epochs(&self) -> (usize, Option<usize>) {
        let best = self.from.as_ref().and_then(|state| state.replicas[state.best_replica()].best);
        (self.plan.length.epochs, best.map(|best| best.1).filter(|epoch| *epoch > 0))
    }

    /// The run folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration with everything that the data settled.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The data that it trains on.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Trains, and writes the results. `observer` hears of every epoch and is asked whether to stop.
    ///
    /// # Errors
    /// Where the first checkpoint cannot be written, or the device fails. Results that cannot be written are no error of
    /// training: [`Done::written`].
    pub fn train(mut self, observer: &mut dyn Observer) -> Result<Done> {
        let new = self.from.is_none();
        let done = self.trained(observer);
        if new && done.is_err() {
            self.folder.discard();
        }
        done
    }

    fn trained(&mut self, observer: &mut dyn Observer) -> Result<Done> {
        let (every, keep) = (self.config.checkpoint_every, self.config.keep_checkpoints);
        let config = self.config.to_toml();
        let mut kept = Checkpoints::open(self.folder.path(), every, keep, &config, self.from.as_ref())?;
        let told = self.choose(&mut kept, observer)?;
        let Run { folder, config, dataset, plan, engine, engines, from } = self;
        let mut make = maker(engines, &config.tuning);
        let trained = run_compacting(dataset, plan, engine, &mut make, observer, from.take(), Some(&mut kept))?;
        trained.notices.iter().skip(told).for_each(|line| observer.notice(line));
        let (whole, told) = (trained.status != Status::Interrupted, trained.notices.len());
        let levels = plan.scored_levels();
        let baselines = BaselineForecasts::of_test(dataset, !levels.is_empty());
        let scores = baselines.score(dataset, &levels);
        let outcome = summarize(dataset, plan, engine.as_mut(), trained, scores, observer)?;
        // Of the scores.
        let before = dataset.notices.len() + plan.notices.len() + told;
        outcome.summary.notices.iter().skip(before).for_each(|line| observer.notice(line));
        let finished = Finished {
            dataset,
            plan,
            config,
            outcome: &outcome,
            #[cfg(feature = "plots")]
            baselines: &baselines,
        };
        let mut written = finished.write(folder);
        if whole && outcome.summary.status != Status::Interrupted {
            written = written.and_then(|()| kept.finish());
        }
        Ok(Done { folder: folder.path().to_path_buf(), outcome, written })
    }

    /// Settles what `auto` leaves open, unless the observer interrupts; how many notices it has told. A run that is resumed from
    /// before the choice chooses again, and alike.
    fn choose(&mut self, kept: &mut Checkpoints, observer: &mut dyn Observer) -> Result<usize> {
        let line = self.config.train.to_choose();
        let compared = !self.dataset.validation.is_empty();
        if let Some(line) = &line {
            let first = || self.config.train.first_words();
            let alone =
                || format!("`auto` compares candidates on validation rows, and there are none: {} is used", first());
            observer.notice(&if compared { line.clone() } else { alone().into() });
        }
        if line.is_none() || !compared {
            self.config.train = self.config.train.first_choice();
            kept.resolve(&self.config.to_toml());
            return Ok(0);
        }
        begin(&self.dataset, &self.plan, self.engine.as_mut(), kept)?;
        let tuning = self.config.tuning.clone();
        let mut make = maker(&mut self.engines, &tuning);
        let Some(chosen) = choose(&self.dataset, &self.config.train, &mut make, observer)? else {
            let first = self.config.train.first_words();
            let line = format!("interrupted before the choice: what is scored is {first} before its first step");
            observer.notice(&line.into());
            return Ok(0);
        };
        let plan = Plan::new(&self.dataset, &chosen.options)?;
        if plan.program != self.plan.program {
            self.engine = make(&plan.program)?;
        }
        self.config.tuning = tuning.as_ref().map(|tuning| tuning.for_program(&plan.program));
        self.plan = plan;
        self.config.train = chosen.options;
        kept.resolve(&self.config.to_toml());
        let told = chosen.state.notices.len();
        self.from = Some(chosen.state);
        Ok(told)
    }
}

/// Makes engines of one run, with what of its tuning a program has: a smaller one has not every product.
fn maker<'a>(
    engines: &'a mut Engines,
    tuning: &'a Option<Tuning>,
) -> impl FnMut(&Program) -> Result<Box<dyn Engine>> + use<'a> {
    |program| {
        let tuning = tuning.as_ref().map(|tuning| tuning.for_program(program));
        Ok(engines.make(program, tuning.as_ref())?.0)
    }
}

/// A run before its engine is made.
struct Prepared {
    config: Config,
    dataset: Dataset,
    plan: Plan,
    engines: Engines,
}

impl Prepared {
    /// `closed` are the days without rows, where they are known.
    fn new(asked: &Config, closed: Option<&Closed>, mut engines: Engines, say: &Say) -> Result<Prepared> {
        let dataset = closed.map_or_else(|| asked.data.load(), |closed| asked.data.load_closed(closed))?;
        dataset.notices.iter().for_each(|line| say(line));
        // What `auto` leaves open does not change what the plan settles.
        let plan = Plan::new(&dataset, &asked.train.first_choice())?;
        plan.notices.iter().for_each(|line| say(line));
        let tuning = engines.tuned(asked, &plan.program, say)?;
        let config = Config {
            data: dataset.resolved.clone(),
            train: TrainOptions { auto: asked.train.auto, ..plan.options.clone() },
            tuning,
            ..asked.clone()
        };
        Ok(Prepared { config, dataset, plan, engines })
    }

    fn engine(mut self, say: &Say) -> Result<(Prepared, Box<dyn Engine>)> {
        let (engine, line) = self.engines.make(&self.plan.program, self.config.tuning.as_ref())?;
        say(&line);
        Ok((self, engine))
    }

    fn run(self, folder: RunFolder, engine: Box<dyn Engine>, from: Option<RunState>) -> Run {
        let Prepared { config, dataset, plan, engines } = self;
        Run { folder, config, dataset, plan, engines, engine, from }
    }
}
