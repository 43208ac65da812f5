//! `microglia train`.

use anyhow::Result;
use clap::ArgMatches;
use microglia::train::baselines::Forecasts;
use microglia::train::{Plan, Status, Summary, run as train, summarize};

use super::config::Config;
use super::engine::{Settings, open_engine};
use super::outputs::{Finished, json};
use super::progress::{Reporter, interrupt_flag};
use super::run_folder::RunFolder;
use super::{Code, print, report, say};

pub fn run(typed: &ArgMatches) -> Result<Code> {
    let (config, remarks) = Config::new(typed)?;
    remarks.iter().for_each(|line| say(line));
    let folder = RunFolder::create(config.out.as_deref(), config.train.model.kind, config.overwrite)?;
    let summary = run_into(&folder, &config).inspect_err(|_| folder.discard())?;
    let text = if config.json { json(&summary)? } else { report::text(&summary) };
    let place = format!("run folder: {}", folder.path().display());
    if config.json {
        print(&text)?;
        say(&place);
    } else {
        print(&format!("{text}\n{place}\n"))?;
    }
    Ok(match summary.status {
        Status::Done | Status::MaxSteps => Code::Done,
        Status::Diverged => Code::Failed,
        Status::Interrupted => Code::Interrupted,
    })
}

/// The run itself: from the data to the files in its folder.
fn run_into(folder: &RunFolder, asked: &Config) -> Result<Summary> {
    let dataset = asked.data.load()?;
    dataset.notices.iter().for_each(|line| say(line));
    let plan = Plan::new(&dataset, &asked.train)?;
    plan.notices.iter().for_each(|line| say(line));
    let config = Config { data: dataset.resolved.clone(), train: plan.options.clone(), ..asked.clone() };

    let settings = Settings { device: config.device.clone(), threads: config.threads };
    let (mut engine, line) = open_engine(&settings, &plan.program)?;
    say(&line);
    let mut reporter = Reporter::new(config.train.epochs, interrupt_flag()?);
    let trained = train(&dataset, &plan, engine.as_mut(), &mut reporter);
    reporter.finish();
    let trained = trained?;
    trained.notices.iter().for_each(|line| say(line));
    let baselines = Forecasts::of_test(&dataset);
    let outcome = summarize(&dataset, &plan, engine.as_mut(), trained, baselines.score(&dataset), &reporter)?;
    folder.clear()?;
    let finished =
        Finished { dataset: &dataset, plan: &plan, config: &config, outcome: &outcome, baselines: &baselines };
    finished.write(folder)?;
    Ok(outcome.summary)
}
