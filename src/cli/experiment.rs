//! `microglia experiment`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use microglia::config::Config;
use microglia::data::counted;
use microglia::data::grouped;
use microglia::engine::Engine;
use microglia::error::{Notation, Text};
use microglia::experiment::estimate;
use microglia::experiment::folder::{check_apart, check_study, merge};
use microglia::experiment::report::{self, memory_line};
use microglia::experiment::{Preparation, Shard, Study, StudyObserver, options, prepare, run_study};
use microglia::kernels::waves;
use microglia::program::Program;
use microglia::runs::Engines;
use serde_json::json;

use super::args::ExperimentArgs;
use super::stop::Stop;
use super::study_config::{self, Asked};
use super::table::{TextTable, duration};
use super::{Code, print, say, say_text, teller};

/// Makes an engine, and a line that says which.
type Make<'a> = dyn FnMut(Program) -> microglia::Result<(Box<dyn Engine>, Text)> + 'a;

pub(super) fn run(args: &ExperimentArgs) -> Result<Code> {
    if let Some(folder) = &args.report {
        check_study(folder, "report")?;
        // A report of what was found before is done when it is written, whatever it says.
        show(folder, args.json)?;
        return Ok(Code::Done);
    }
    if !args.merge.is_empty() {
        let out = args.out.as_ref().context("--merge writes a folder of its own\n  help: name it with --out DIR")?;
        merge(out, &args.merge)?;
        say(&format!("merged {} parts", args.merge.len()));
        return show(out, args.json);
    }
    if args.schema {
        print(&format!("{:#}\n", options::schema()))?;
        return Ok(Code::Done);
    }
    let study = match study_config::study(args)? {
        Asked::Study(study) => *study,
        Asked::NeedsData(words) => {
            say(words);
            return Ok(Code::Rejected);
        }
    };
    let shard = args.shard.as_deref().map(Shard::parse).transpose()?;
    let mut on = Config::default();
    on.apply(&args.device.0)?;
    let mut engines = Engines::open(&on.device, on.threads, &teller())?;
    let waves_of = |program: &Program| engines.gpu().map_or(Ok(1), |gpu| waves(gpu, program));
    let read = args.config.iter().map(|file| ("config".to_string(), file.clone()));
    check_apart(&out(args, &study)?, &study, read.collect())?;
    let preparation = prepare(&study, shard, &waves_of)?;
    if preparation.cells.is_empty() {
        say("this part of the study has no cells: nothing to do");
    }
    let mut make = |program: Program| engines.make(&program, None);
    if args.dry_run {
        return dry_run(&study, &preparation, &mut make, args.json);
    }
    let out = out(args, &study)?;
    say(&format!(
        "study {} in {}: {}, {}",
        study.hash(),
        out.display(),
        counted(preparation.cells.len(), "cell"),
        counted(preparation.cells.iter().map(|one| one.trainings).sum(), "model")
    ));
    let mut told = false;
    let mut open = |program: Program| -> microglia::Result<Box<dyn Engine>> {
        let (engine, line) = make(program)?;
        if !std::mem::replace(&mut told, true) {
            say_text(&line);
        }
        Ok(engine)
    };
    let stop = Stop::watch()?;
    let mut observer = Reporter::new(stop, "cell");
    let ended = run_study(&study, &preparation, &out, args.save_predictions, &mut open, &mut observer);
    observer.finish();
    let ended = ended?;
    if ended.interrupted {
        say(&format!(
            "interrupted with {} of {} cells done; run the same command to resume",
            ended.found + ended.done,
            ended.all
        ));
        return Ok(stop.code());
    }
    if ended.all == 0 {
        if args.json {
            let value = json!({ "folder": out, "report": null, "reason": "this part of the study has no cells" });
            print(&format!("{value:#}\n"))?;
        }
        return Ok(Code::Done);
    }
    if ended.done == 0 {
        say("all cells are done already");
    }
    show(&out, args.json)
}

/// `--out`, or a folder by the study's hash: the same study again finds its own.
fn out(args: &ExperimentArgs, study: &Study) -> Result<PathBuf> {
    let default = || -> Result<PathBuf> {
        let shard = args.shard.as_ref().map_or_else(String::new, |shard| format!("-{}", shard.replace('/', "-of-")));
        Ok(Path::new("runs").join(format!("study-{}{shard}", study.hash())))
    };
    args.out.clone().map_or_else(default, Ok)
}

/// Writes the report of a folder and prints what it says; failed where no model of a cell stayed finite.
fn show(folder: &Path, as_json: bool) -> Result<Code> {
    let report = report::write(folder)?;
    let place = report.html.display();
    if as_json {
        let value = json!({ "folder": folder, "report": report.html, "analysis": report.analysis });
        print(&format!("{value:#}\n"))?;
        say(&format!("report: {place}"));
    } else {
        print(&format!("{}report: {place}\n", report.digest))?;
    }
    let failed = &report.analysis.failed_cells;
    if failed.is_empty() {
        return Ok(Code::Done);
    }
    say(&format!("no model of these cells stayed finite: {}", failed.join(", ")));
    Ok(Code::Failed)
}

/// The plan, memory and time of a study, without running it.
fn dry_run(study: &Study, preparation: &Preparation, make: &mut Make, as_json: bool) -> Result<Code> {
    let mut line = String::new();
    let mut open = |program: Program| -> microglia::Result<Box<dyn Engine>> {
        let (engine, told) = make(program)?;
        line = told.to(Notation::Flags);
        Ok(engine)
    };
    let seconds = estimate::seconds(study, &preparation.cells, &mut open)?;
    let total: f64 = seconds.iter().sum();
    let largest = preparation
        .cells
        .iter()
        .max_by_key(|one| one.runs.iter().max().copied().unwrap_or(0) as u64 * one.replica_bytes + one.shared_bytes);
    let memory = largest.map_or_else(String::new, |one| {
        memory_line(one.runs.iter().copied().max().unwrap_or(0), one.replica_bytes, one.shared_bytes)
    });
    if as_json {
        let cells = preparation.cells.iter().zip(&seconds).map(|(one, seconds)| {
            json!({
                "cell": one.cell.id(), "windows": one.windows, "models": one.trainings, "runs": one.runs,
                "waves": one.waves,
                "replica_bytes": one.replica_bytes, "shared_bytes": one.shared_bytes, "seconds": seconds,
            })
        });
        let value =
            json!({ "study": study.hash(), "cells": cells.collect::<Vec<_>>(), "seconds": total, "memory": memory });
        print(&format!("{value:#}\n"))?;
        return Ok(Code::Done);
    }
    let mut table =
        TextTable::new(["cell", "train", "validation", "test windows", "models", "runs of replicas", "about"]);
    for (one, seconds) in preparation.cells.iter().zip(&seconds) {
        let run = |(replicas, waves): (&usize, &usize)| match waves {
            1 => replicas.to_string(),
            waves => format!("{replicas} in {waves} waves"),
        };
        let runs: Vec<String> = one.runs.iter().zip(&one.waves).map(run).collect();
        let mut row = vec![one.cell.id()];
        row.extend(one.windows.map(grouped));
        row.extend([one.trainings.to_string(), runs.join(" + "), duration(*seconds)]);
        table.row(row);
    }
    let lines: Vec<String> =
        preparation.cells.iter().flat_map(|one| &one.lines).map(|line| line.to(Notation::Flags)).collect();
    print(&format!(
        "{}\n{table}{}{}\n\n{line}\nestimated: {} in all, from a few timed steps of each shape\n",
        report::analysis_plan(study)?,
        lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
        memory,
        duration(total)
    ))?;
    Ok(Code::Done)
}

/// Tells a study's or a search's progress: a bar with the time left on a terminal, lines anywhere.
pub(super) struct Reporter {
    bar: Option<ProgressBar>,
    stop: Stop,
    /// What it consists of.
    part: &'static str,
}

impl Reporter {
    pub(super) fn new(stop: Stop, part: &'static str) -> Reporter {
        let style = ProgressStyle::with_template("{bar:30} {percent} % · {msg}");
        let bar = style.ok().filter(|_| std::io::stderr().is_terminal()).map(|style| {
            let bar = ProgressBar::new(1000);
            bar.set_style(style.progress_chars("━╸ "));
            bar
        });
        Reporter { bar, stop, part }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl StudyObserver for Reporter {
    fn line(&mut self, line: &Text) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say_text(line)),
            None => say_text(line),
        }
    }

    fn progress(&mut self, done: usize, all: usize, part: f64, seconds_left: Option<f64>) {
        if let Some(bar) = &self.bar {
            bar.set_position((1000.0 * (done as f64 + part) / all.max(1) as f64) as u64);
            let left = seconds_left.map_or_else(String::new, |left| format!(" · {} left", duration(left)));
            bar.set_message(format!("{} {} of {all}{left}", self.part, done + 1));
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.asked()
    }
}
