//! `microglia devices --check`: whether each adapter opens, compiles every kernel, and computes what the CPU engine does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;
use microglia::gpu::adapter::candidates;
use microglia::gpu::{AdapterSummary, Choice, list_adapters};
use serde_json::{Value, json};

use super::args::DevicesArgs;
use super::check_process::{Finding, Stage, watch};
use super::devices::{auto_json, auto_line, block, none_visible};
use super::{Code, print, say};

/// An adapter, and what was found.
struct Checked {
    adapter: AdapterSummary,
    findings: Vec<Finding>,
}

impl Checked {
    fn of(&self, stage: Stage) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.stage == stage)
    }

    fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.problem.is_none())
    }

    /// Whether `--device auto` stays with it.
    fn serves(&self) -> bool {
        self.of(Stage::Open).chain(self.of(Stage::Compile)).all(|finding| finding.problem.is_none())
    }
}

pub(super) fn run(args: &DevicesArgs) -> Result<Code> {
    let adapters = list_adapters();
    let count = adapters.len();
    let show = |text: &str| if args.json { Ok(()) } else { print(text) };
    show(&head())?;
    let mut checked = Vec::new();
    for (place, adapter) in adapters.into_iter().map(|adapter| adapter.summary).enumerate() {
        say(&format!("checking {} ({}), {} of {count}", adapter.name, adapter.backend, place + 1));
        let findings = watch(place, &adapter.name, Duration::from_secs(args.patience))?;
        let one = Checked { adapter, findings };
        show(&format!("{}{}\n", block(&one.adapter), text(&one)))?;
        checked.push(one);
    }
    let summaries: Vec<AdapterSummary> = checked.iter().map(|one| one.adapter.clone()).collect();
    let auto = candidates(&summaries, &Choice::Auto)?.into_iter().find(|&i| checked[i].serves());
    let sound = auto.is_none_or(|i| checked[i].holds());
    let auto = auto.map(|i| &summaries[i]);
    let hold = checked.iter().filter(|one| one.holds()).count();
    if args.json {
        print(&format!("{:#}\n", report(&checked, auto)))?;
    } else {
        let none = if count == 0 { none_visible() } else { String::new() };
        let but = if sound { "" } else { ", which does not hold: choose --device cpu" };
        print(&format!("{none}{hold} of {count} adapters hold; {}{but}\n", auto_line(auto)))?;
    }
    Ok(if count > 0 && hold == count { Code::Done } else { Code::Failed })
}

/// The program, the system, and what steers drivers.
fn head() -> String {
    let mut text = format!("microglia {} on {}\n", env!("CARGO_PKG_VERSION"), system());
    for (name, value) in environment() {
        let _ = writeln!(text, "{name}={value}");
    }
    text + "\n"
}

/// What holds of an adapter, below what it is.
fn text(checked: &Checked) -> String {
    let mut text = String::new();
    for (stage, verb) in [(Stage::Open, "opens"), (Stage::Compile, "compiles"), (Stage::Compare, "agrees")] {
        let all: Vec<&Finding> = checked.of(stage).collect();
        let held = all.iter().filter(|finding| finding.problem.is_none()).count();
        let seconds: f64 = all.iter().map(|finding| finding.seconds).sum();
        let counted = match stage {
            _ if all.is_empty() => continue,
            Stage::Open => if held == 1 { "yes" } else { "NO" }.to_string(),
            Stage::Compile => format!("{held} of {} kernels", all.len()),
            Stage::Compare => format!("with the CPU engine in {held} of {} cases", all.len()),
        };
        let _ = writeln!(text, "  {verb:<9} {counted}, {seconds:.1} s");
        for finding in all {
            let what = if stage == Stage::Open { String::new() } else { format!("{}: ", finding.what) };
            if let Some(problem) = &finding.problem {
                let _ = writeln!(text, "    {what}{}", problem.trim().replace('\n', "\n      "));
            }
        }
    }
    text + if checked.holds() { "  holds\n" } else { "  DOES NOT HOLD\n" }
}

fn report(checked: &[Checked], auto: Option<&AdapterSummary>) -> Value {
    let one = |one: &Checked| {
        let mut value = one.adapter.to_json();
        value["holds"] = one.holds().into();
        value["findings"] = json!(one.findings);
        value
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "system": system(),
        "environment": environment(),
        "adapters": checked.iter().map(one).collect::<Vec<_>>(),
        "auto": auto_json(auto),
    })
}

/// The operating system, as far as it names itself in a file.
fn system() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let mut parts = vec![format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)];
    if cfg!(target_os = "linux") {
        let release = read("/etc/os-release");
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or_default();
        parts.extend([name.trim_matches('"'), read("/proc/sys/kernel/osrelease").trim()].map(String::from));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// What is set that steers drivers, or the choice among them.
fn environment() -> BTreeMap<String, String> {
    const STEER: [&str; 9] = ["MICROGLIA_", "WGPU_", "VK_", "MESA_", "RADV_", "ANV_", "INTEL_", "NVK_", "LP_"];
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| STEER.iter().any(|prefix| name.starts_with(prefix))).collect()
}
