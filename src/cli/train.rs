//! `microglia train`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ArgMatches;
use microglia::Error;
use microglia::config::{presets, schema};
use microglia::error::quoted;
use microglia::runs::{Done, Run, RunFolder, json};
use microglia::train::Status;
use microglia::train::weights::checkpoints;

use super::progress::Reporter;
use super::stop::Stop;
use super::{Code, asked, print, report, say, teller};

pub(super) fn run(typed: &ArgMatches) -> Result<Code> {
    if typed.get_one::<String>("preset").is_some_and(|name| name == "list") {
        print(&presets::list())?;
        return Ok(Code::Done);
    }
    if typed.get_flag("schema") {
        print(&format!("{:#}\n", schema()))?;
        return Ok(Code::Done);
    }
    let run = match typed.get_one::<PathBuf>("resume") {
        Some(place) => match Run::resume(place, &asked::settings(typed)?, &teller())? {
            Some(run) => run,
            None => {
                say(&format!("{}: the run is finished, and its results are written", place.display()));
                return Ok(Code::Done);
            }
        },
        None => {
            let config = asked::config(typed)?;
            config.out.as_deref().map_or(Ok(()), |out| RunFolder::check_apart(out, asked::inputs(typed, &config)))?;
            Run::new(&config, &teller())?
        }
    };
    let (folder, as_json) = (run.folder().to_path_buf(), run.config().json);
    let stop = Stop::watch()?;
    let mut reporter = Reporter::new(stop).of(run.epochs());
    let done = run.train(&mut reporter);
    reporter.finish();
    let done = done.inspect_err(|error| {
        if matches!(error, Error::Device { .. }) && checkpoints::any(&folder) {
            say(&format!("to resume elsewhere: microglia train --resume {} --device cpu", word(&folder)));
        }
    })?;
    let status = done.outcome.summary.status;
    tell(done, as_json)?;
    if status == Status::Interrupted {
        say(&format!("to resume: microglia train --resume {}", word(&folder)));
    }
    Ok(match status {
        Status::Done | Status::MaxSteps => Code::Done,
        Status::Diverged => Code::Failed,
        Status::Interrupted => stop.code(),
    })
}

/// A path as a word of the user's shell.
fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// The results on stdout, whatever became of their files.
fn tell(done: Done, as_json: bool) -> Result<()> {
    let summary = &done.outcome.summary;
    let printed = print(&if as_json { json(summary)? } else { report::text(summary, &done.folder) });
    done.written?;
    let place = format!("run folder: {}", done.folder.display());
    printed?;
    if as_json {
        say(&place);
        Ok(())
    } else {
        print(&format!("\n{place}\n"))
    }
}
