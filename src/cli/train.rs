//! `microglia train`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ArgMatches;
use microglia::Error;
use microglia::config::{Config, presets, schema};
use microglia::gpu::Devices;
use microglia::train::scores::baselines::Forecasts;
use microglia::train::weights::header::DeviceHeader;
use microglia::train::weights::{self, checkpoints};
use microglia::train::{Checkpoints, Plan, Status, Summary, run_from as train, summarize};

use super::engine::{check_tuning, make_engine, open_devices, tuned};
use super::outputs::{Finished, json};
use super::progress::Reporter;
use super::resume::Resumed;
use super::run_folder::RunFolder;
use super::shell::quoted;
use super::stop::Stop;
use super::{Code, asked, print, report, say, say_text};

pub fn run(typed: &ArgMatches) -> Result<Code> {
    if typed.get_one::<String>("preset").is_some_and(|name| name == "list") {
        print(&presets::list())?;
        return Ok(Code::Done);
    }
    if typed.get_flag("schema") {
        print(&format!("{:#}\n", schema()))?;
        return Ok(Code::Done);
    }
    if let Some(place) = typed.get_one::<PathBuf>("resume") {
        let mut resumed = Resumed::open(place, &asked::settings(typed)?)?;
        if resumed.is_finished(place) && resumed.differences(&resumed.config).is_empty() {
            return finished(place);
        }
        let devices = open_devices(&resumed.config.device)?;
        let config = resumed.config_on(devices.gpu());
        return run_into(&RunFolder::of_run(place), &config, devices, Some(resumed));
    }
    let config = asked::config(typed)?;
    // What can be refused without the data is, before it is read.
    let devices = open_devices(&config.device)?;
    check_tuning(&config, devices.gpu())?;
    config.train.init.as_deref().map_or(Ok(()), weights::check)?;
    let folder = RunFolder::create(config.out.as_deref(), config.train.model.kind, config.overwrite)?;
    run_into(&folder, &config, devices, None).inspect_err(|_| folder.discard())
}

/// The run itself: from the data to the files in its folder and the tables on stdout.
fn run_into(folder: &RunFolder, asked: &Config, mut devices: Devices, resumed: Option<Resumed>) -> Result<Code> {
    let dataset = asked.data.load()?;
    dataset.notices.iter().for_each(say_text);
    let plan = Plan::new(&dataset, &asked.train)?;
    plan.notices.iter().for_each(say_text);
    let tuning = tuned(asked, &mut devices, &plan.program)?;
    let mut config = asked.clone();
    (config.data, config.train, config.tuning) = (dataset.resolved.clone(), plan.options.clone(), tuning);

    let tuning = config.tuning.as_ref();
    let (mut engine, line) = make_engine(&mut devices, &config.device, config.threads, tuning, &plan.program)?;
    say(&line);
    let device = DeviceHeader::of(engine.as_ref());
    let from = resumed.as_ref().map(|resumed| resumed.state(&dataset, &plan, &config, &device)).transpose()?;
    if let Some((resumed, state)) = resumed.zip(from.as_ref()) {
        if resumed.is_finished(folder.path()) {
            return finished(folder.path());
        }
        say(&resumed.line(state, &plan));
    }
    let (every, keep) = (config.checkpoint_every, config.keep_checkpoints);
    let text = config.to_toml();
    let mut kept = Checkpoints::open(folder.path(), every, keep, &text, from.is_some())?;
    let stop = Stop::watch()?;
    let mut reporter = Reporter::new(config.train.epochs, stop);
    let trained = train(&dataset, &plan, engine.as_mut(), &mut reporter, from, Some(&mut kept));
    reporter.finish();
    let trained = trained.inspect_err(|error| {
        if matches!(error, Error::Device { .. }) && checkpoints::any(folder.path()) {
            say(&format!("to go on elsewhere: microglia train --resume {} --device cpu", quoted(folder.path())));
        }
    })?;
    trained.notices.iter().for_each(say_text);
    let whole = trained.status != Status::Interrupted;
    let baselines = Forecasts::of_test(&dataset);
    let outcome = summarize(&dataset, &plan, engine.as_mut(), trained, baselines.score(&dataset), &reporter)?;
    let finished =
        Finished { dataset: &dataset, plan: &plan, config: &config, outcome: &outcome, baselines: &baselines };
    let mut written = finished.write(folder);
    if whole && outcome.summary.status != Status::Interrupted {
        written = written.and_then(|()| Ok(kept.finish()?));
    }
    let code = tell(&outcome.summary, config.json, written.map(|()| folder.path()), stop)?;
    if outcome.summary.status == Status::Interrupted {
        say(&format!("to go on: microglia train --resume {}", quoted(folder.path())));
    }
    Ok(code)
}

fn finished(run: &Path) -> Result<Code> {
    say(&format!("{}: the run is finished, and its results are written", run.display()));
    Ok(Code::Done)
}

/// The results on stdout, whatever became of their files.
fn tell(summary: &Summary, as_json: bool, written: Result<&Path>, stop: Stop) -> Result<Code> {
    let printed = print(&if as_json { json(summary)? } else { report::text(summary) });
    let place = format!("run folder: {}", written?.display());
    printed?;
    if as_json {
        say(&place);
    } else {
        print(&format!("\n{place}\n"))?;
    }
    Ok(match summary.status {
        Status::Done | Status::MaxSteps => Code::Done,
        Status::Diverged => Code::Failed,
        Status::Interrupted => stop.code(),
    })
}
