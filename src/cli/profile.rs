//! `microglia profile`.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::{ArgMatches, FromArgMatches};
use microglia::config::{Config, presets};
use microglia::files::{check_apart, replace};
use microglia::gpu::Choice;
use microglia::kernels::pipelines;
use microglia::kernels::tuning::Tuning;
use microglia::profile::{Profile, listing, profile_plan, roofline_svg, trace_json};
use microglia::runs::{Engines, json};
use microglia::train::{Plan, weights};
use serde::Serialize;

use super::args::ProfileArgs;
use super::places::check_unused;
use super::{Code, asked, print, profile_text, say, say_text, teller};

pub(super) fn run(typed: &ArgMatches) -> Result<Code> {
    if typed.get_one::<String>("preset").is_some_and(|name| name == "list") {
        print(&presets::list())?;
        return Ok(Code::Done);
    }
    let args = ProfileArgs::from_arg_matches(typed)?;
    if args.train.schema {
        bail!("--schema: profile takes the options of train\n  help: microglia train --schema prints the schema");
    }
    let config = asked::config(typed)?;
    if config.out.is_some() {
        bail!("--out: profile leaves no run folder\n  help: --trace and --svg name files, --json prints the figures");
    }
    let files = [("trace", args.trace.as_deref()), ("svg", args.svg.as_deref())];
    let files: Vec<_> = files.into_iter().filter_map(|(option, file)| Some((option, file?))).collect();
    files.iter().try_for_each(|(_, file)| check_place(file))?;
    check_unused(&files, config.overwrite)?;
    check_apart(files.iter().map(|(option, file)| (*option, file.to_path_buf())), asked::inputs(typed, &config))?;
    if args.print_program {
        let plan = planned(&config)?.1;
        let listing = listing(&plan.program);
        print(&if config.json { json(&listing)? } else { profile_text::listing(&listing) })?;
        return Ok(Code::Done);
    }
    let mut engines = Engines::open(&config.device, config.threads, &teller())?;
    engines.check_tuning(&config)?;
    if args.vs.is_some() && engines.gpu().is_none() {
        bail!(
            "--vs cpu: the run is on the CPU engine already\n  help: choose --device gpu, or part of an adapter's name; \
             `microglia devices` lists them"
        );
    }
    config.train.init.as_deref().map_or(Ok(()), weights::check)?;
    let (dataset, plan) = planned(&config)?;
    // What measures a device is no part of the program: a device that does not compile it gives way as well.
    engines.devices().make(|gpu| pipelines(&[], gpu.summary().class()).iter().try_for_each(|one| one.compile(gpu)))?;
    let tuning = engines.tuned(&config, &plan.program, &teller())?;
    let measure = |engines: &mut Engines, tuning: Option<&Tuning>| -> Result<Profile> {
        let (mut engine, _) = engines.make(&plan.program, tuning)?;
        say(&format!("profiling {} on {}", plan.options.model.kind, engine.device()));
        let profile = profile_plan(&dataset, &plan, engine.as_mut(), args.steps, &|| false)?;
        profile.context("profiling was interrupted")
    };
    let own = measure(&mut engines, tuning.as_ref())?;
    let cpu = match args.vs {
        Some(_) => Some(measure(&mut Engines::open(&Choice::Cpu, config.threads, &teller())?, None)?),
        None => None,
    };
    let all: Vec<&Profile> = [&own].into_iter().chain(&cpu).collect();
    if let Some(file) = &args.trace {
        replace(file, trace_json(&all).as_bytes())?;
        say(&format!("trace: {}", file.display()));
    }
    if let Some(file) = &args.svg {
        replace(file, roofline_svg(&own)?.as_bytes())?;
        say(&format!("roofline: {}", file.display()));
    }
    let report = Report { batch: plan.options.batch, prune_every: every(&plan), profile: &own, vs: cpu.as_ref() };
    print(&if config.json { json(&report)? } else { profile_text::text(&report) })?;
    Ok(Code::Done)
}

/// Everything that was measured.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    /// Windows of a step, of each replica.
    pub batch: usize,
    /// Steps from one due prune to the next.
    pub prune_every: Option<usize>,
    #[serde(flatten)]
    pub profile: &'a Profile,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vs: Option<&'a Profile>,
}

fn planned(config: &Config) -> Result<(microglia::data::Dataset, Plan)> {
    let dataset = config.data.load()?;
    dataset.notices.iter().for_each(say_text);
    let plan = Plan::new(&dataset, &config.train.first_choice())?;
    plan.notices.iter().for_each(say_text);
    Ok((dataset, plan))
}

fn every(plan: &Plan) -> Option<usize> {
    plan.members.iter().find_map(|own| own.prune.as_ref().map(|prune| prune.every))
}

/// Before anything is measured for it.
fn check_place(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !file.is_dir() {
        return Ok(());
    }
    Err(anyhow!("{}: cannot be written\n  help: name a file in a folder that is there", file.display()))
}
