//! What the processor calls itself.

/// Its name, or its family where it has none to tell.
pub(super) fn name() -> String {
    let name = told().map(|name| name.trim().to_string()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH))
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn told() -> Option<String> {
    raw_cpuid::CpuId::new().get_processor_brand_string().map(|name| name.as_str().to_string())
}

#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
fn told() -> Option<String> {
    use sysctl::{Ctl, Sysctl};
    Ctl::new("machdep.cpu.brand_string").ok()?.value_string().ok()
}

/// Set by Windows for every process.
#[cfg(all(windows, target_arch = "aarch64"))]
fn told() -> Option<String> {
    std::env::var("PROCESSOR_IDENTIFIER").ok()
}

#[cfg(not(any(
    target_arch = "x86",
    target_arch = "x86_64",
    all(any(target_os = "macos", windows), target_arch = "aarch64")
)))]
fn told() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_processor_has_a_name() {
        let name = super::name();
        assert!(!name.is_empty() && name.trim() == name && !name.contains('\0'), "{name:?}");
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        {
            let told = std::fs::read_to_string("/proc/cpuinfo").unwrap();
            let model = told.lines().find(|line| line.starts_with("model name")).expect("Linux tells the name, too");
            assert!(model.contains(&name), "{name:?} and {model:?}");
        }
    }
}
