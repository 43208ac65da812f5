//! The check of one adapter, in a process of its own: a driver may crash or hang. The process reports each thing that it begins
//! and what came of it; what was begun and never ended is what failed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use microglia::Error;
use microglia::compare::{compare_on, full_size_models, smallest_cases, standard_cases};
use microglia::error::Notation;
use microglia::gpu::{AdapterClass, Gpu, list_adapters};
use microglia::kernels::{Pipeline, pipelines};
use microglia::program::Program;
use serde::{Deserialize, Serialize};

use super::compare::first_divergence;
use super::{Code, PROGRAM, print};

/// Training steps of a comparison: each prunes and updates weights.
const STEPS: usize = 4;
/// Lines of a process's stderr that the report of its end keeps.
const LAST_WORDS: usize = 12;
/// What a process that is killed may take to end.
const END: Duration = Duration::from_secs(5);

/// What a check consists of, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    Open,
    Compile,
    Compare,
}

/// One thing that was tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Finding {
    pub stage: Stage,
    /// The adapter, the kernel or the case.
    pub what: String,
    pub seconds: f64,
    /// Why it does not hold, in the driver's words where it has any.
    pub problem: Option<String>,
}

/// What the process says, one to a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Told {
    Begun(Stage, String),
    Ended(Finding),
}

/// Reports that something begins, tries it, and reports the result.
fn attempt<T>(stage: Stage, what: &str, act: impl FnOnce() -> microglia::Result<T>) -> Result<Option<T>> {
    let tell = |told| print(&format!("{}\n", serde_json::to_string(&told)?));
    tell(Told::Begun(stage, what.to_string()))?;
    let began = Instant::now();
    let (made, problem) = match act() {
        Ok(made) => (Some(made), None),
        Err(error) => (None, Some(error.problem().to(Notation::Flags))),
    };
    tell(Told::Ended(Finding { stage, what: what.to_string(), seconds: began.elapsed().as_secs_f64(), problem }))?;
    Ok(made)
}

/// Every pipeline of the models that people train, and of those that are compared.
pub(super) fn compiled(class: AdapterClass) -> microglia::Result<BTreeSet<Pipeline>> {
    let cases = full_size_models().into_iter().chain(standard_cases());
    let programs: Vec<Program> = cases.map(|case| case.program()).collect::<microglia::Result<_>>()?;
    Ok(pipelines(&programs, class))
}

/// The process itself: checks the adapter of this place in the list.
pub(super) fn run(place: usize) -> Result<Code> {
    let adapter = list_adapters().into_iter().nth(place).context("the adapter is no longer there")?;
    let Some(gpu) = attempt(Stage::Open, &adapter.summary.name, || Gpu::on(&adapter))? else { return Ok(Code::Failed) };
    for pipeline in compiled(gpu.summary().class())? {
        attempt(Stage::Compile, &pipeline.to_string(), || pipeline.compile(&gpu))?;
    }
    for case in smallest_cases() {
        attempt(Stage::Compare, &case.to_string(), || {
            let report = compare_on(&gpu, &case, STEPS)?;
            let wrong =
                first_divergence(&report).map(|first| format!("computes otherwise than the CPU engine: {first}"));
            wrong.map_or(Ok(()), |problem| Err(Error::device(problem, String::new())))
        })?;
    }
    Ok(Code::Done)
}

/// Checks the adapter of this place in a process that may be silent for so long. `name`: the adapter's.
pub(super) fn watch(place: usize, name: &str, patience: Duration) -> Result<Vec<Finding>> {
    let (program, first) =
        PROGRAM.get().and_then(|words| words.split_first()).context("the program's own file is not to be found")?;
    let mut child = Command::new(program)
        .args(first)
        .args(["devices", "--check-adapter", &place.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the process that checks an adapter could not be started")?;
    let (told, words) = (lines(child.stdout.take()), lines(child.stderr.take()));
    let mut under_way = Some((Stage::Open, name.to_string()));
    let mut since = Instant::now();
    let mut findings = Vec::new();
    let hangs = loop {
        let line = match told.recv_timeout(patience) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => break true,
            Err(RecvTimeoutError::Disconnected) => break false,
        };
        // Drivers may print too, also before it on the same line.
        match line.find('{').and_then(|start| serde_json::from_str(&line[start..]).ok()) {
            Some(Told::Begun(stage, what)) => (under_way, since) = (Some((stage, what)), Instant::now()),
            Some(Told::Ended(finding)) => {
                under_way = None;
                findings.push(finding);
            }
            None => {}
        }
    };
    let end = ended(&mut child, hangs);
    let cut_off = match (hangs, end.as_deref()) {
        (true, _) => Some(format!("no answer for {} s: given up", patience.as_secs())),
        (false, Some(end)) => Some(format!("the driver ended the process ({end})")),
        (false, None) => None,
    };
    if let Some(problem) = cut_off {
        let (stage, what) = under_way.unwrap_or((Stage::Compare, "after all cases".into()));
        let words: Vec<String> = std::iter::from_fn(|| words.recv_timeout(Duration::from_secs(1)).ok()).collect();
        let last = &words[words.len().saturating_sub(LAST_WORDS)..];
        let problem = [problem].iter().chain(last).cloned().collect::<Vec<_>>().join("\n");
        findings.push(Finding { stage, what, seconds: since.elapsed().as_secs_f64(), problem: Some(problem) });
    }
    Ok(findings)
}

/// The lines of a stream, as they come; those that are not text, as far as they are.
fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    let mut lines = stream.map(BufReader::new).into_iter().flat_map(|reader| reader.split(b'\n'));
    thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// How the process ended, where it did not by itself; one that hangs is ended.
fn ended(child: &mut Child, hangs: bool) -> Option<String> {
    if hangs {
        // It may have ended this moment.
        let _ = child.kill();
    }
    // One that hangs inside the system cannot be ended, and is left behind.
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                let own = [Code::Done, Code::Failed].map(|code| Some(i32::from(code.number())));
                return (!own.contains(&status.code())).then(|| status.to_string());
            }
            Ok(None) if began.elapsed() < END => thread::sleep(Duration::from_millis(20)),
            Ok(None) => return Some("it still runs".into()),
            Err(error) => return Some(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use microglia::compare::every_model;
    use microglia::gpu::AdapterClass;
    use microglia::kernels::pipelines;

    use super::compiled;

    /// No kernel that a model needs on any class of adapter is left out.
    #[test]
    fn every_kernel_is_compiled() {
        let programs: Vec<_> = every_model().iter().map(|case| case.program().unwrap()).collect();
        for class in AdapterClass::ALL {
            let needed: BTreeSet<_> = pipelines(&programs, class).into_iter().map(|one| one.shader).collect();
            let tried: BTreeSet<_> = compiled(class).unwrap().into_iter().map(|one| one.shader).collect();
            assert_eq!(needed, tried, "{class:?}");
        }
    }
}
