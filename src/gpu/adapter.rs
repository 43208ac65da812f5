//! Adapters: what there is, and which one a choice means.

use std::fmt;
use std::str::FromStr;

use super::limits::short;
use crate::error::{Error, Result};
use crate::words::said;

/// What the option `device` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// The first real GPU that can be opened and compiles the shaders, else the CPU engine.
    #[default]
    Auto,
    /// The CPU engine.
    Cpu,
    /// A real GPU, or an error.
    Gpu,
    /// The adapter whose name holds this text, software ones included.
    Named(String),
}

impl FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim() {
            "" => Err(Error::config("device", "no device is named", "say auto, cpu, gpu or part of an adapter's name")),
            word if word.eq_ignore_ascii_case("auto") => Ok(Choice::Auto),
            word if word.eq_ignore_ascii_case("cpu") => Ok(Choice::Cpu),
            word if word.eq_ignore_ascii_case("gpu") => Ok(Choice::Gpu),
            name => Ok(Choice::Named(name.to_string())),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Choice::Auto => "auto",
            Choice::Cpu => "cpu",
            Choice::Gpu => "gpu",
            Choice::Named(name) => name,
        })
    }
}

/// What decides how a kernel is cut: nothing finer of an adapter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdapterClass {
    /// A CPU that plays a GPU.
    Software,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A card with memory of its own, or a share of one.
    Discrete,
}

impl AdapterClass {
    /// From the slowest on.
    pub const ALL: [AdapterClass; 3] = [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete];

    /// Operations a second that the slow ones of a class still do on the kernels that suit them least: what a cut relies on
    /// before anything is measured.
    #[must_use]
    pub fn speed(self) -> f64 {
        match self {
            AdapterClass::Software => 2e9,
            AdapterClass::Integrated => 2e10,
            AdapterClass::Discrete => 2e11,
        }
    }

    /// Workgroups that keep the usual adapter of a class busy: a kernel that has a choice makes as many.
    #[must_use]
    pub fn workgroups(self) -> usize {
        match self {
            AdapterClass::Software => 1,
            AdapterClass::Integrated => 16,
            AdapterClass::Discrete => 64,
        }
    }

    /// As summaries and checkpoints have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            AdapterClass::Software => "software",
            AdapterClass::Integrated => "integrated",
            AdapterClass::Discrete => "discrete",
        }
    }
}

/// What an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceType {
    /// A card with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A share of a card, in a virtual machine.
    Virtual,
    /// A CPU that plays a GPU: lavapipe, SwiftShader, WARP. Taken only when asked for by name.
    Software,
    /// The driver does not say.
    Other,
}

said!(
    DeviceType,
    DeviceType::Discrete = "discrete",
    DeviceType::Integrated = "integrated",
    DeviceType::Virtual = "virtual",
    DeviceType::Software = "software",
    DeviceType::Other = "other",
);

/// An adapter, with the limits and features that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterSummary {
    /// As the driver states it.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// The driver's name and version.
    pub driver: String,
    /// Of the vendor and of the card, as the backend numbers them.
    pub ids: [u32; 2],
    /// What it is.
    pub device_type: DeviceType,
    /// Most bytes of a storage buffer that a kernel sees.
    pub max_storage_buffer_binding_bytes: u64,
    /// Most bytes of a buffer.
    pub max_buffer_bytes: u64,
    /// Most storage buffers of a kernel.
    pub max_storage_buffers: u32,
    /// Most bytes of a workgroup's memory.
    pub max_workgroup_memory_bytes: u32,
    /// Most invocations of a workgroup.
    pub max_invocations: u32,
    /// Fewest invocations of a subgroup.
    pub subgroup_min_size: u32,
    /// Most invocations of a subgroup.
    pub subgroup_max_size: u32,
    /// Whether it offers timestamps.
    pub timestamp_query: bool,
    /// Whether it offers subgroup operations; no kernel uses them.
    pub subgroup: bool,
    /// Whether it offers 16-bit floats; no kernel uses them.
    pub shader_f16: bool,
    /// Limits that kernels rely on, WebGPU's defaults, and that it falls short of: it cannot be opened then.
    pub short_limits: Vec<String>,
}

impl AdapterSummary {
    /// As `microglia devices --json` lists it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "backend": self.backend,
            "driver": self.driver,
            "vendor_id": self.ids[0],
            "device_id": self.ids[1],
            "type": self.device_type,
            "software": self.device_type == DeviceType::Software,
            "max_storage_buffer_binding_bytes": self.max_storage_buffer_binding_bytes,
            "max_buffer_bytes": self.max_buffer_bytes,
            "max_storage_buffers": self.max_storage_buffers,
            "max_workgroup_memory_bytes": self.max_workgroup_memory_bytes,
            "max_invocations": self.max_invocations,
            "subgroup_min_size": self.subgroup_min_size,
            "subgroup_max_size": self.subgroup_max_size,
            "timestamp_query": self.timestamp_query,
            "subgroup": self.subgroup,
            "shader_f16": self.shader_f16,
            "short_limits": self.short_limits,
        })
    }

    fn of(adapter: &wgpu::Adapter) -> Self {
        Self::with(adapter.get_info(), &adapter.limits(), adapter.features())
    }

    pub(super) fn with(info: wgpu::AdapterInfo, limits: &wgpu::Limits, features: wgpu::Features) -> Self {
        let device_type = match info.device_type {
            _ if named_like_software(&info.name) => DeviceType::Software,
            wgpu::DeviceType::DiscreteGpu => DeviceType::Discrete,
            wgpu::DeviceType::IntegratedGpu => DeviceType::Integrated,
            wgpu::DeviceType::VirtualGpu => DeviceType::Virtual,
            wgpu::DeviceType::Cpu => DeviceType::Software,
            wgpu::DeviceType::Other => DeviceType::Other,
        };
        let driver = format!("{} {}", info.driver, info.driver_info);
        AdapterSummary {
            name: info.name,
            backend: info.backend.to_string(),
            driver: driver.trim().to_string(),
            ids: [info.vendor, info.device],
            device_type,
            max_storage_buffer_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
            max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
            max_workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
            max_invocations: limits.max_compute_invocations_per_workgroup,
            subgroup_min_size: info.subgroup_min_size,
            subgroup_max_size: info.subgroup_max_size,
            timestamp_query: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            subgroup: features.contains(wgpu::Features::SUBGROUP),
            shader_f16: features.contains(wgpu::Features::SHADER_F16),
            short_limits: short(limits),
        }
    }

    /// What decides how kernels are cut.
    #[must_use]
    pub fn class(&self) -> AdapterClass {
        match self.device_type {
            DeviceType::Software => AdapterClass::Software,
            DeviceType::Discrete | DeviceType::Virtual => AdapterClass::Discrete,
            DeviceType::Integrated | DeviceType::Other => AdapterClass::Integrated,
        }
    }

    /// Lower is better: discrete cards before those that share the processor's memory, software last.
    #[must_use]
    pub fn rank(&self) -> u32 {
        match self.device_type {
            DeviceType::Discrete => 0,
            DeviceType::Integrated => 1,
            DeviceType::Virtual => 2,
            DeviceType::Other => 3,
            DeviceType::Software => 4,
        }
    }
}

/// Some drivers do not say that they are software.
fn named_like_software(name: &str) -> bool {
    let name = name.to_lowercase();
    ["llvmpipe", "lavapipe", "swiftshader", "softpipe", "microsoft basic render"].iter().any(|word| name.contains(word))
}

/// The indices of the adapters that a choice allows, best first: all real ones for `auto`, one for a choice that names it.
/// Where there is none, the CPU engine is meant.
pub fn candidates(adapters: &[AdapterSummary], choice: &Choice) -> Result<Vec<usize>> {
    let real = || {
        let mut real: Vec<usize> =
            (0..adapters.len()).filter(|&i| adapters[i].device_type != DeviceType::Software).collect();
        // Equal ones stay in the order in which drivers name them.
        real.sort_by_key(|&i| adapters[i].rank());
        real
    };
    match choice {
        Choice::Cpu => Ok(Vec::new()),
        Choice::Auto => Ok(real()),
        Choice::Gpu => match real().first() {
            Some(&best) => Ok(vec![best]),
            None => Err(no_adapter("there is no GPU (software adapters must be asked for by name)", adapters)),
        },
        Choice::Named(wanted) => {
            let wanted_lower = wanted.to_lowercase();
            let found: Vec<usize> =
                (0..adapters.len()).filter(|&i| adapters[i].name.to_lowercase().contains(&wanted_lower)).collect();
            match found.first() {
                None => Err(no_adapter(&format!("no adapter's name contains `{wanted}`"), adapters)),
                // One card that several backends offer is not ambiguous: the first backend is taken.
                Some(&first) if found.iter().all(|&i| adapters[i].name == adapters[first].name) => Ok(vec![first]),
                Some(_) => Err(no_adapter(&format!("several adapters' names contain `{wanted}`"), adapters)),
            }
        }
    }
}

fn no_adapter(problem: &str, adapters: &[AdapterSummary]) -> Error {
    let help = if let (true, Some(narrowed)) = (adapters.is_empty(), narrowed()) {
        format!("{narrowed}, or use ‹device cpu›")
    } else if adapters.is_empty() {
        "this machine shows no adapter at all: install a Vulkan driver, or use ‹device cpu›".to_string()
    } else {
        let names: Vec<String> =
            adapters.iter().map(|a| format!("{} ({}, {})", a.name, a.backend, a.device_type)).collect();
        format!("‹device cpu›, or part of one name of: {}", names.join(" | "))
    };
    Error::device(problem, help)
}

/// What to do about `WGPU_BACKEND`, where it is set: it may leave no adapter.
#[must_use]
pub fn narrowed() -> Option<String> {
    let backends = std::env::var("WGPU_BACKEND").ok()?;
    Some(format!("the environment variable WGPU_BACKEND is `{backends}`: leave it out, or name vulkan, metal or dx12"))
}

/// An adapter of this machine, not opened yet.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// Its name, limits and features.
    pub summary: AdapterSummary,
    pub(super) handle: wgpu::Adapter,
}

/// Every adapter of this machine, in the order in which drivers name them.
#[must_use]
pub fn list_adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    // `WGPU_BACKEND` narrows them down, and `WGPU_DEBUG` and the like set what they do, as in every program that uses wgpu.
    let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY.with_env()));
    found.into_iter().map(|handle| Adapter { summary: AdapterSummary::of(&handle), handle }).collect()
}

/// The adapters that a choice allows, best first.
pub(super) fn allowed(choice: &Choice) -> Result<Vec<Adapter>> {
    if *choice == Choice::Cpu {
        return Ok(Vec::new()); // and no driver is woken
    }
    let adapters = list_adapters();
    let summaries: Vec<AdapterSummary> = adapters.iter().map(|adapter| adapter.summary.clone()).collect();
    Ok(candidates(&summaries, choice)?.into_iter().map(|i| adapters[i].clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, device_type: DeviceType) -> AdapterSummary {
        AdapterSummary {
            name: name.into(),
            backend: "vulkan".into(),
            driver: String::new(),
            ids: [0; 2],
            device_type,
            max_storage_buffer_binding_bytes: 1 << 27,
            max_buffer_bytes: 1 << 28,
            max_storage_buffers: 8,
            max_workgroup_memory_bytes: 16384,
            max_invocations: 256,
            subgroup_min_size: 8,
            subgroup_max_size: 8,
            timestamp_query: false,
            subgroup: false,
            shader_f16: false,
            short_limits: Vec::new(),
        }
    }

    fn named(name: &str) -> Choice {
        name.parse().unwrap()
    }

    #[test]
    fn words_of_a_choice() {
        assert_eq!(named("AUTO"), Choice::Auto);
        assert_eq!(named("cpu"), Choice::Cpu);
        assert_eq!(named("gpu"), Choice::Gpu);
        assert_eq!(named("llvmpipe").to_string(), "llvmpipe");
        assert!(" ".parse::<Choice>().is_err());
    }

    #[test]
    fn auto_prefers_a_discrete_card_and_never_takes_software() {
        let software = [adapter("llvmpipe (LLVM 15)", DeviceType::Software)];
        assert!(candidates(&software, &Choice::Auto).unwrap().is_empty());
        assert!(candidates(&software, &Choice::Gpu).unwrap_err().to_string().contains("llvmpipe (LLVM 15)"));
        assert!(candidates(&[], &Choice::Gpu).is_err());
        assert!(candidates(&[], &Choice::Auto).unwrap().is_empty());
        let cards = [
            adapter("UHD 620", DeviceType::Integrated),
            adapter("RTX 4070", DeviceType::Discrete),
            adapter("RTX 3060", DeviceType::Discrete),
        ];
        let mixed = [&software[..], &cards].concat();
        assert_eq!(candidates(&mixed, &Choice::Auto).unwrap(), [2, 3, 1]);
        assert_eq!(candidates(&mixed, &Choice::Gpu).unwrap(), [2]);
        assert!(candidates(&mixed, &Choice::Cpu).unwrap().is_empty());
    }

    #[test]
    fn names_match_in_part_and_ambiguity_lists_the_adapters() {
        let adapters = [
            adapter("llvmpipe", DeviceType::Software),
            adapter("RTX 4070", DeviceType::Discrete),
            adapter("RTX 3060", DeviceType::Discrete),
        ];
        assert_eq!(candidates(&adapters, &named("LLVM")).unwrap(), [0]);
        assert_eq!(candidates(&adapters, &named("4070")).unwrap(), [1]);
        assert!(candidates(&adapters, &named("rtx")).unwrap_err().to_string().contains("RTX 3060"));
        assert!(candidates(&adapters, &named("radeon")).unwrap_err().to_string().contains("RTX 4070"));
        let twice = [adapter("RTX 4070", DeviceType::Discrete), adapter("RTX 4070", DeviceType::Discrete)];
        assert_eq!(candidates(&twice, &named("rtx")).unwrap(), [0]);
    }
}
