//! Profiles and programs as tables.

use std::fmt::Write;

use microglia::data::counted;
use microglia::engine::{Clock, EngineKind, Roofline};
use microglia::profile::{Bound, Listing, OpProfile, Profile};

use super::profile::Report;
use super::table::{NONE, TextTable};

/// A profile, and beside it that of the CPU engine.
pub(super) fn text(report: &Report) -> String {
    let mut text = one(report, report.profile);
    if let Some(cpu) = report.vs {
        text += "\n";
        text += &one(report, cpu);
        text += "\n";
        text += &side_by_side(report.profile, cpu);
    }
    text
}

fn one(report: &Report, profile: &Profile) -> String {
    let Profile { step, .. } = profile;
    let mut text = String::new();
    let threads = profile.threads.map_or_else(String::new, |threads| format!(", {}", counted(threads, "thread")));
    let _ = writeln!(text, "{} engine on {}{threads}", profile.engine, profile.device);
    let _ = writeln!(text, "measured     {}", roofline(&profile.roofline, profile.engine));
    let _ = writeln!(
        text,
        "{} of {}{}, after {} of warm-up; {}\n",
        counted(profile.steps, "step"),
        counted(report.batch, "window"),
        if profile.replicas == 1 { String::new() } else { format!(" × {} replicas", profile.replicas) },
        profile.warmup_steps,
        clock(profile.clock)
    );
    text += &ops(&profile.ops, Some(profile)).to_string();
    let whole = 1e-3 * step.whole_us;
    let rate = 1e6 / step.whole_us * (report.batch * profile.replicas) as f64;
    let _ = writeln!(
        text,
        "\nstep         {} µs, many in a row ({whole:.3} ms, {rate:.0} windows/s); sum of ops {} µs, {} of it; gaps {} µs",
        micros(step.whole_us),
        micros(step.ops_us),
        percent(step.ops_us / step.whole_us),
        micros(step.gaps_us)
    );
    let _ = writeln!(
        text,
        "             {} of the roofline: {:.1} GFLOP/s, {:.1} GB/s",
        percent(step.roofline_share),
        1e-3 * step.cost.flops as f64 / step.whole_us,
        1e-3 * step.cost.bytes() as f64 / step.whole_us
    );
    if step.dispatches > 0.0 {
        let _ = writeln!(
            text,
            "             {} µs of the host to record and submit; {:.0} dispatches, {:.2} submissions",
            micros(step.host_us),
            step.dispatches,
            step.submissions
        );
    }
    let _ = writeln!(
        text,
        "memory       {} MB held; in the loop {} bytes allocated, {} readbacks",
        mega(step.held_bytes),
        step.allocated_bytes,
        step.readbacks
    );
    if !profile.prune.is_empty() {
        let prune: f64 = profile.prune.iter().map(|op| op.median_us).sum();
        let often = report.prune_every.map_or_else(String::new, |every| format!(", every {every} steps"));
        let _ = writeln!(
            text,
            "due prune    {} µs more, on due steps alone{often}: {} of an ordinary step's ops, and in no sum above\n",
            micros(prune),
            percent(prune / step.ops_us)
        );
        text += &ops(&profile.prune, None).to_string();
    }
    text
}

/// A row per op, and of a whole step their sum.
fn ops(list: &[OpProfile], whole: Option<&Profile>) -> TextTable {
    let header = [
        "op",
        "calls",
        "dispatches",
        "median µs",
        "p95 µs",
        "share",
        "MFLOP",
        "MB",
        "GFLOP/s",
        "GB/s",
        "FLOP/B",
        "of roofline",
        "bound",
    ];
    let mut table = TextTable::new(header).left(12);
    for op in list {
        table.row(vec![
            op.op.into(),
            op.calls.to_string(),
            op.dispatches.to_string(),
            micros(op.median_us),
            micros(op.p95_us),
            percent(op.share),
            mega(op.cost.flops),
            mega(op.cost.bytes()),
            three(op.gflops),
            three(op.gigabytes_per_second),
            three(op.intensity),
            percent(op.roofline_share),
            bound(op.bound).into(),
        ]);
    }
    if let Some(Profile { ops, step, .. }) = whole {
        let sum = |count: fn(&OpProfile) -> usize| ops.iter().map(count).sum::<usize>().to_string();
        table.row(vec![
            "sum".into(),
            sum(|op| op.calls),
            sum(|op| op.dispatches),
            micros(step.ops_us),
            NONE.into(),
            percent(ops.iter().map(|op| op.share).sum()),
            mega(step.cost.flops),
            mega(step.cost.bytes()),
            three(1e-3 * step.cost.flops as f64 / step.ops_us),
            three(1e-3 * step.cost.bytes() as f64 / step.ops_us),
            three(step.cost.intensity()),
            percent(step.roofline_share * step.whole_us / step.ops_us),
            NONE.into(),
        ]);
    }
    table
}

fn side_by_side(gpu: &Profile, cpu: &Profile) -> String {
    let mut table = TextTable::new(["op", "gpu µs", "cpu µs", "gpu / cpu"]);
    let mut row = |name: &str, gpu: f64, cpu: f64| {
        table.row(vec![name.into(), micros(gpu), micros(cpu), three(gpu / cpu)]);
    };
    for op in gpu.ops.iter().chain(&gpu.prune) {
        if let Some(twin) = cpu.ops.iter().chain(&cpu.prune).find(|twin| twin.op == op.op) {
            row(op.op, op.median_us, twin.median_us);
        }
    }
    row("whole step", gpu.step.whole_us, cpu.step.whole_us);
    table.to_string()
}

/// Every op, and what three machines would take.
pub(super) fn listing(listing: &Listing) -> String {
    let header = ["list", "op", "dispatches", "MFLOP", "MB", "FLOP/B", "reads → writes, of one replica"];
    let mut table = TextTable::new(header).left(1).left(6);
    for op in &listing.ops {
        table.row(vec![
            op.list.clone(),
            op.op.into(),
            op.dispatches.to_string(),
            mega(op.cost.flops),
            mega(op.cost.bytes()),
            three(op.cost.intensity()),
            format!("{} → {}", op.reads.join(", "), op.writes.join(", ")),
        ]);
    }
    let mut text = format!("{} × {} weights\n\n{table}", listing.replicas, listing.weights);
    let _ = writeln!(
        text,
        "\nA step is forward, backward and update: {} dispatches, {} MFLOP, {} MB. A due prune adds {} dispatches.\n",
        listing.step_dispatches,
        mega(listing.step.flops),
        mega(listing.step.bytes()),
        listing.prune_dispatches
    );
    let mut table =
        TextTable::new(["predicted", "GB/s", "TFLOP/s", "µs a dispatch", "ops µs", "launches µs", "step µs"]);
    for prediction in &listing.predictions {
        let Roofline { bytes_per_second, flops_per_second, dispatch_seconds } = prediction.machine.roofline;
        table.row(vec![
            prediction.machine.name.into(),
            three(1e-9 * bytes_per_second),
            three(1e-12 * flops_per_second),
            three(1e6 * dispatch_seconds),
            micros(prediction.ops_us),
            micros(prediction.launch_us),
            micros(prediction.step_us),
        ]);
    }
    text += &table.to_string();
    text += "Predictions are floors: every op at the machine's best, or the launches, whichever takes longer.\n";
    text
}

fn roofline(roofline: &Roofline, engine: EngineKind) -> String {
    let Roofline { bytes_per_second, flops_per_second, dispatch_seconds } = roofline;
    let start = match engine {
        EngineKind::Cpu => "start of the threads",
        EngineKind::Gpu => "empty dispatch",
    };
    format!(
        "copy {} GB/s, multiply-add {} GFLOP/s, {start} {} µs",
        three(1e-9 * bytes_per_second),
        three(1e-9 * flops_per_second),
        three(1e6 * dispatch_seconds)
    )
}

fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::DispatchTimestamps => "the device's timestamps around each dispatch",
        Clock::PassTimestamps => "the device's timestamps, a pass for each dispatch",
        Clock::Wall => "wall clock around each op",
    }
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Memory => "memory",
        Bound::Arithmetic => "arithmetic",
        Bound::Launch => "launch",
    }
}

fn micros(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn mega(count: u64) -> String {
    three(1e-6 * count as f64)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// About three significant digits.
fn three(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        v if v >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}
