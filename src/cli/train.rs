//! `microglia train`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use clap::ArgMatches;
use microglia::gpu::Gpu;
use microglia::train::baselines::Forecasts;
use microglia::train::{Plan, Status, Summary, run as train, summarize, weights};

use super::config::Config;
use super::engine::{check_tuning, make_engine, tuned};
use super::outputs::{Finished, json};
use super::progress::{Reporter, interrupt_flag};
use super::run_folder::RunFolder;
use super::{Code, presets, print, report, say};

pub fn run(typed: &ArgMatches) -> Result<Code> {
    if typed.get_one::<String>("preset").is_some_and(|name| name == "list") {
        print(&presets::list())?;
        return Ok(Code::Done);
    }
    let (config, remarks) = Config::new(typed)?;
    remarks.iter().for_each(|line| say(line));
    // What can be refused without the data is, before it is read.
    let gpu = Gpu::open(&config.device)?;
    check_tuning(&config, gpu.as_ref())?;
    config.train.init.as_deref().map_or(Ok(()), weights::check)?;
    let folder = RunFolder::create(config.out.as_deref(), config.train.model.kind, config.overwrite)?;
    run_into(&folder, &config, gpu).inspect_err(|_| folder.discard())
}

/// The run itself: from the data to the files in its folder and the tables on stdout.
fn run_into(folder: &RunFolder, asked: &Config, gpu: Option<Arc<Gpu>>) -> Result<Code> {
    let dataset = asked.data.load()?;
    dataset.notices.iter().for_each(|line| say(line));
    let plan = Plan::new(&dataset, &asked.train)?;
    plan.notices.iter().for_each(|line| say(line));
    let tuning = tuned(asked, gpu.as_ref(), &plan.program)?;
    let config = Config { data: dataset.resolved.clone(), train: plan.options.clone(), tuning, ..asked.clone() };

    let tuning = config.tuning.as_ref();
    let (mut engine, line) = make_engine(gpu.as_ref(), &config.device, config.threads, tuning, &plan.program)?;
    say(&line);
    let mut reporter = Reporter::new(config.train.epochs, interrupt_flag()?);
    let trained = train(&dataset, &plan, engine.as_mut(), &mut reporter);
    reporter.finish();
    let trained = trained?;
    trained.notices.iter().for_each(|line| say(line));
    let baselines = Forecasts::of_test(&dataset);
    let outcome = summarize(&dataset, &plan, engine.as_mut(), trained, baselines.score(&dataset), &reporter)?;
    let finished =
        Finished { dataset: &dataset, plan: &plan, config: &config, outcome: &outcome, baselines: &baselines };
    let written = finished.write(folder);
    tell(&outcome.summary, config.json, written.map(|()| folder.path()))
}

/// The results on stdout, whatever became of their files.
fn tell(summary: &Summary, as_json: bool, written: Result<&Path>) -> Result<Code> {
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
        Status::Interrupted => Code::Interrupted,
    })
}
