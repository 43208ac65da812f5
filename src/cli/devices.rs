//! `microglia devices`: the adapters of this machine, and which one `auto` would take.

use std::fmt::Write;

use anyhow::Result;
use microglia::gpu::adapter::candidates;
use microglia::gpu::{AdapterSummary, Choice, DeviceType, list_adapters, narrowed};
use serde_json::{Value, json};

use super::args::DevicesArgs;
use super::{Code, check, check_process, print};

pub(super) fn run(args: &DevicesArgs) -> Result<Code> {
    if let Some(place) = args.check_adapter {
        return check_process::run(place);
    }
    if args.check {
        return check::run(args);
    }
    let adapters: Vec<AdapterSummary> = list_adapters().into_iter().map(|adapter| adapter.summary).collect();
    let mut real = candidates(&adapters, &Choice::Auto)?.into_iter().map(|i| &adapters[i]);
    let auto = real.find(|adapter| adapter.short_limits.is_empty());
    if args.json {
        let list: Vec<Value> = adapters.iter().map(AdapterSummary::to_json).collect();
        print(&format!("{:#}\n", json!({ "adapters": list, "auto": auto_json(auto) })))?;
    } else {
        print(&text(&adapters, auto))?;
    }
    Ok(Code::Done)
}

fn text(adapters: &[AdapterSummary], auto: Option<&AdapterSummary>) -> String {
    let mut text: String = adapters.iter().map(|adapter| block(adapter) + "\n").collect();
    if adapters.is_empty() {
        text += &none_visible();
    }
    text + &auto_line(auto) + "\n"
}

/// An adapter in some lines.
pub(super) fn block(adapter: &AdapterSummary) -> String {
    let kind = match adapter.device_type {
        DeviceType::Software => "software, taken only when asked for by name",
        other => other.word(),
    };
    let [vendor, card] = adapter.ids;
    let mut text = format!("{}\n", adapter.name);
    let _ = writeln!(text, "  backend   {}, {}", adapter.backend, adapter.driver);
    let _ = writeln!(text, "  type      {kind}, {vendor:04x}:{card:04x}");
    let _ = writeln!(text, "  limits    {}", limits(adapter));
    if !adapter.short_limits.is_empty() {
        let _ = writeln!(text, "  too small {}", adapter.short_limits.join("; "));
    }
    let _ = writeln!(text, "  features  {}", features(adapter));
    text
}

/// What to do where there is no adapter.
pub(super) fn none_visible() -> String {
    let hint = narrowed().map_or(install_hint().to_string(), |narrowed| format!("  {narrowed}\n"));
    format!("no GPU adapter is visible to this program\n{hint}\n")
}

/// What `--device auto` takes.
pub(super) fn auto_line(auto: Option<&AdapterSummary>) -> String {
    match auto {
        Some(adapter) => format!("--device auto takes {}", adapter.name),
        None => "--device auto takes the CPU engine: there is no real GPU that serves".into(),
    }
}

pub(super) fn auto_json(auto: Option<&AdapterSummary>) -> Value {
    match auto {
        Some(adapter) => json!({ "engine": "gpu", "device": adapter.name }),
        None => json!({ "engine": "cpu" }),
    }
}

fn install_hint() -> &'static str {
    if cfg!(target_os = "linux") {
        "  a real GPU needs its vendor's Vulkan driver and the loader (libvulkan1)\n  \
         a software GPU, for trying and testing: apt-get install libvulkan1 mesa-vulkan-drivers, then --device llvmpipe\n"
    } else {
        "  a real GPU needs its vendor's driver\n"
    }
}

fn limits(adapter: &AdapterSummary) -> String {
    format!(
        "binding {} · buffer {} · workgroup memory {} · {} invocations · {} storage buffers",
        bytes(adapter.max_storage_buffer_binding_bytes),
        bytes(adapter.max_buffer_bytes),
        bytes(adapter.max_workgroup_memory_bytes.into()),
        adapter.max_invocations,
        adapter.max_storage_buffers
    )
}

fn features(adapter: &AdapterSummary) -> String {
    let (low, high) = (adapter.subgroup_min_size, adapter.subgroup_max_size);
    let lanes = if low == high { low.to_string() } else { format!("{low} to {high}") };
    let list = [
        adapter.timestamp_query.then(|| "timestamps".to_string()),
        adapter.subgroup.then(|| format!("subgroups of {lanes}")),
        adapter.shader_f16.then(|| "f16".to_string()),
    ];
    let list: Vec<String> = list.into_iter().flatten().collect();
    if list.is_empty() { "none of those used here".into() } else { list.join(" · ") }
}

/// A size in the largest unit that leaves a number of 1 or more.
fn bytes(count: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let power = (count.max(1).ilog2() / 10).min(units.len() as u32 - 1);
    let value = count as f64 / f64::from(1 << (10 * power.min(3))) / if power == 4 { 1024.0 } else { 1.0 };
    let text = format!("{value:.1}");
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), units[power as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(
            [0, 16384, 134_217_728, 3 << 29, u64::MAX].map(bytes),
            ["0 bytes", "16 KiB", "128 MiB", "1.5 GiB", "16777216 TiB"]
        );
    }

    #[test]
    fn without_an_adapter_it_says_what_runs_and_what_to_install() {
        let text = text(&[], None);
        assert!(text.contains("CPU engine") && text.contains("no GPU adapter"));
        assert!(!cfg!(target_os = "linux") || text.contains("mesa-vulkan-drivers"));
    }
}
