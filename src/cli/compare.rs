//! `microglia compare`.

use std::fmt::Write;

use anyhow::Result;
use microglia::Error;
use microglia::compare::{CaseReport, Divergence, compare_on, exit_code, open_device, standard_cases};
use microglia::data::counted;
use microglia::runs::json;
use microglia::runs::passed_over;

use super::args::CompareArgs;
use super::table::TextTable;
use super::{Code, print, say, say_text};

pub(super) fn run(args: &CompareArgs) -> Result<Code> {
    let cases = standard_cases();
    let gpu = open_device(args.device.as_deref(), &cases, tell)?;
    say(&format!("comparing {} with the CPU engine", gpu.summary().name));
    let mut reports = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        say(&format!("case {} of {}: {case}", i + 1, cases.len()));
        let report = compare_on(&gpu, case, args.steps)?;
        if !args.json {
            print(&text(&report))?;
        }
        reports.push(report);
    }
    if args.json {
        print(&json(&reports)?)?;
    } else {
        print(&verdict(&reports, &gpu.summary().name))?;
    }
    Ok(if exit_code(&reports) == 0 { Code::Done } else { Code::Failed })
}

fn tell(error: &Error) {
    say_text(&passed_over(error));
}

/// One case: a row per op, then the steps.
fn text(report: &CaseReport) -> String {
    let mut table = TextTable::new(["op", "absolute", "relative", "tolerance", "result", "tolerance from"]).left(5);
    for op in &report.ops {
        let tolerance = if op.tolerance == 0.0 { "equal".into() } else { small(op.tolerance) };
        let result = if op.divergence.is_some() { "DIVERGES" } else { "pass" };
        table.row(vec![
            format!("{} {}", op.list, op.op),
            small(op.absolute),
            small(op.relative),
            tolerance,
            result.into(),
            op.reason.clone(),
        ]);
    }
    let mut text = format!("\n{}\n{table}", report.case);
    let most = |value: fn(&microglia::compare::StepReport) -> f64| {
        small(report.steps.iter().map(value).fold(0.0, |most, v| if v.is_nan() { v } else { most.max(v) }))
    };
    let bits: usize = report.steps.iter().map(|step| step.mask_bits).sum();
    let failed = report.steps.iter().any(|step| step.divergence.is_some());
    let _ = writeln!(
        text,
        "{}, each from equal state: largest gap of loss {}, gradient {} (relative), weight {} (absolute), \
         {bits} mask bits: {}",
        counted(report.steps.len(), "step"),
        most(|step| step.loss),
        most(|step| step.gradient),
        most(|step| step.weight),
        if failed { "DIVERGES" } else { "pass" }
    );
    let free = &report.free;
    let _ = writeln!(
        text,
        "{} on their own: largest gap of loss {} (relative), {} differ: {}",
        counted(free.losses.len(), "step"),
        small(free.loss),
        counted(free.mask_bits, "mask bit"),
        if free.failure.is_some() { "DIVERGES" } else { "pass" }
    );
    text + &curves(&free.losses)
}

/// The two loss curves, at ten steps at most.
fn curves(losses: &[[f32; 2]]) -> String {
    let stride = losses.len().div_ceil(10).max(1);
    let steps: Vec<usize> = (0..losses.len()).step_by(stride).collect();
    let line = |name: &str, which: usize| {
        let values: Vec<String> = steps.iter().map(|&step| format!("{:.6}", losses[step][which])).collect();
        format!("  loss, {name}  {}\n", values.join("  "))
    };
    line("cpu", 0) + &line("gpu", 1)
}

/// The first divergence of each case that has one, or that all agree.
fn verdict(reports: &[CaseReport], device: &str) -> String {
    let mut text = String::from("\n");
    for report in reports {
        if let Some(first) = first_divergence(report) {
            let _ = writeln!(text, "DIVERGES in {}: {first}", report.case);
        }
    }
    let passed = reports.iter().filter(|report| report.passed()).count();
    let _ = writeln!(text, "{passed} of {} cases agree on {device}", reports.len());
    text
}

/// Where engines first disagree, if they do: an op, else a step, else the steps on their own.
pub(super) fn first_divergence(report: &CaseReport) -> Option<String> {
    let place = |divergence: &Divergence| {
        let Divergence { tensor, replica, index, expected, found } = divergence;
        format!("tensor `{tensor}`, replica {replica}, word {index}: {found:?}, expected {expected:?}")
    };
    let op = report.ops.iter().find_map(|op| {
        let divergence = op.divergence.as_ref()?;
        Some(format!("op {} ({} {}): {}", op.op, op.list, op.index, place(divergence)))
    });
    let mut steps = report.steps.iter();
    let step = || steps.find_map(|step| Some(format!("step {}: {}", step.step, place(step.divergence.as_ref()?))));
    op.or_else(step).or_else(|| report.free.failure.clone())
}

fn small(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use microglia::compare::{FreeReport, OpReport};

    #[test]
    fn the_first_divergence_is_named() {
        let divergence = Divergence { tensor: "grads".into(), replica: 1, index: 7, expected: 1.0, found: 2.0 };
        let op = OpReport {
            op: "lstm_backward",
            list: "backward".into(),
            index: 3,
            absolute: 1.0,
            relative: 1.0,
            tolerance: 1e-5,
            reason: "exp".into(),
            divergence: Some(divergence),
        };
        let free = FreeReport { losses: vec![[1.0, 1.0]; 25], loss: 0.0, mask_bits: 0, failure: None };
        let report = CaseReport { case: "lstm".into(), ops: vec![op], steps: Vec::new(), free };
        assert!(text(&report).contains("DIVERGES"));
        let verdict = verdict(&[report], "a card");
        assert!(verdict.contains("lstm_backward") && verdict.contains("`grads`, replica 1, word 7"), "{verdict}");
        assert!(verdict.ends_with("0 of 1 cases agree on a card\n"));
        assert_eq!(curves(&[[0.5, 0.25]; 25]).lines().next().unwrap().matches("0.5").count(), 9);
    }
}
