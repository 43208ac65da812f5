//! `microglia tune`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgMatches, FromArgMatches};
use microglia::config::{Config, Settings, presets};
use microglia::engine::Engine;
use microglia::error::quoted;
use microglia::program::Program;
use microglia::runs::{Engines, json};
use microglia::train::weights::header::DeviceHeader;
use microglia::tune::{self, Asked, Folder, Manifest, Results, Search, Tuning};

use super::args::TuneArgs;
use super::experiment::Reporter;
use super::stop::Stop;
use super::{Code, asked, print, say, say_text, teller, tune_text};

pub(super) fn run(typed: &ArgMatches) -> Result<Code> {
    if typed.get_one::<String>("preset").is_some_and(|name| name == "list") {
        print(&presets::list())?;
        return Ok(Code::Done);
    }
    let args = TuneArgs::from_arg_matches(typed)?;
    match &args.resume {
        Some(place) => resume(place, &asked::settings(typed)?, &args),
        None => begin(typed, &args),
    }
}

fn begin(typed: &ArgMatches, args: &TuneArgs) -> Result<Code> {
    let settings = &asked::settings(typed)?;
    let search = Search::new(args.search.0.iter())?;
    let config = Config::new(settings)?;
    config.idle_options(&args.run.0).iter().for_each(say_text);
    let mut engines = Engines::open(&config.device, config.threads, &teller())?;
    let asked = Asked::new(settings, &search, &teller())?;
    let stop = Stop::watch()?;
    let mut observer = Reporter::new(stop, "part");
    let mut make = maker(&mut engines);
    if args.dry_run {
        let Some(settled) = asked.settle(&mut make, false, &mut observer)? else { return Ok(stop.code()) };
        let tuning = Tuning::new(&asked, &settled, &teller())?;
        let (prepared, halving) = (tuning.prepared()?, search.halving);
        print(&tune_text::dry_run(&asked, &tuning, &prepared, halving))?;
        return Ok(Code::Done);
    }
    let read = asked::inputs(typed, &config);
    let place = (config.out.as_deref(), config.overwrite);
    match tune::begin(&asked, place, read, &mut make, &mut observer, &teller())? {
        Some((held, tuning)) => search_in(&held, &tuning, &mut make, stop, config.json),
        None => Ok(stop.code()),
    }
}

fn resume(place: &Path, settings: &Settings, args: &TuneArgs) -> Result<Code> {
    let typed: Vec<(String, String)> =
        args.search.0.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    let (settings, search, manifest) = tune::resumed(place, settings, &typed)?;
    let config = Config::new(&settings)?;
    Folder::check_apart(place, config.inputs())?;
    let held = Folder::hold(place)?;
    if held.is_finished() {
        held.remove_runs()?;
        say(&format!("{}: the search is finished, and its results are written", place.display()));
        return Ok(Code::Done);
    }
    let mut engines = Engines::open(&config.device, config.threads, &teller())?;
    let asked = Asked::new(&settings, &search, &teller())?;
    asked.check_same(&manifest)?;
    let tuning = Tuning::new(&asked, &manifest.settled, &teller())?;
    let Manifest { settled, .. } = manifest;
    let mut make = maker(&mut engines);
    let mut checked = |program: &Program| -> microglia::Result<Box<dyn Engine>> {
        let engine = make(program)?;
        settled.check_device(&DeviceHeader::of(engine.as_ref()))?;
        Ok(engine)
    };
    search_in(&held, &tuning, &mut checked, Stop::watch()?, config.json)
}

/// Makes engines, and says once on which device.
fn maker(engines: &mut Engines) -> impl FnMut(&Program) -> microglia::Result<Box<dyn Engine>> {
    let mut told = false;
    move |program: &Program| {
        let (engine, line) = engines.make(program, None)?;
        if !std::mem::replace(&mut told, true) {
            say_text(&line);
        }
        Ok(engine)
    }
}

/// Searches, and tells what was found.
fn search_in(folder: &Folder, tuning: &Tuning, make: &mut tune::run::Make, stop: Stop, as_json: bool) -> Result<Code> {
    say(&tuning.words());
    let mut observer = Reporter::new(stop, "part");
    let found = tuning.run(folder, make, &mut observer);
    observer.finish();
    let Some(results) = found? else {
        say(&format!("to resume: microglia tune --resume {}", quoted(&folder.path().display().to_string())));
        return Ok(stop.code());
    };
    let written = tune::write(&results, folder);
    tell(&results, folder.path(), as_json)?;
    written?;
    Ok(Code::Done)
}

fn tell(results: &Results, folder: &Path, as_json: bool) -> Result<()> {
    let best: PathBuf = folder.join(tune::folder::BEST);
    if as_json {
        print(&json(results)?)?;
        say(&format!("search folder: {}", folder.display()));
        return Ok(());
    }
    print(&tune_text::text(results))?;
    let repeat = quoted(&best.display().to_string());
    print(&format!(
        "\nto train the chosen models again: microglia train --config {repeat}\nsearch folder: {}\n",
        folder.display()
    ))
}
