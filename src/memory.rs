//! How much memory there is, so that what cannot fit is rejected before it is asked for: systems that promise more than they have
//! end the process instead of saying no.

/// Bytes that this process can still take without swapping; `None` where the system does not say (other than Linux, Windows
/// and macOS).
pub(crate) fn available() -> Option<u64> {
    system::available()
}

/// Whether `bytes` more can be taken; `Err` tells how many could.
pub(crate) fn check(bytes: u64) -> Result<(), u64> {
    match available() {
        Some(free) if bytes > free => Err(free),
        _ => Ok(()),
    }
}

/// 3221225472 → `3.2 GB`.
pub(crate) fn readable(bytes: u64) -> String {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6)];
    let found = units.into_iter().find(|(_, unit)| bytes as f64 >= *unit);
    found.map_or_else(|| format!("{bytes} bytes"), |(name, unit)| format!("{:.1} {name}", bytes as f64 / unit))
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    pub(super) fn available() -> Option<u64> {
        let machine = meminfo(&fs::read_to_string("/proc/meminfo").ok()?)?;
        let group = cgroup().unwrap_or(u64::MAX);
        Some(machine.min(group))
    }

    /// The line `MemAvailable` of `/proc/meminfo`.
    pub(super) fn meminfo(text: &str) -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kilobytes.checked_mul(1024)
    }

    /// What the control group of a container leaves: its limit, less what is in use and not merely a cache of files.
    fn cgroup() -> Option<u64> {
        let number = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<u64>().ok();
        let (most, used) = (number("memory.max")?, number("memory.current")?);
        let stat = fs::read_to_string("/sys/fs/cgroup/memory.stat").ok()?;
        let cache = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse().ok()).unwrap_or(0);
        Some(most.saturating_sub(used.saturating_sub(cache)))
    }
}

#[cfg(windows)]
mod system {
    use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

    /// What no page holds yet, within what the system has promised to all: it refuses to promise more than it has.
    pub(super) fn available() -> Option<u64> {
        let mut status = MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..Default::default() };
        // SAFETY: the structure is ours, and tells its own size.
        let told = unsafe { GlobalMemoryStatusEx(&mut status) } != 0;
        told.then(|| status.ullAvailPhys.min(status.ullAvailPageFile))
    }
}

#[cfg(target_os = "macos")]
mod system {
    use sysctl::{Ctl, Sysctl};

    /// Pages without content, those whose owner can do without it, and those that a file holds too.
    pub(super) fn available() -> Option<u64> {
        let number = |name: &str| Ctl::new(name).ok()?.value_string().ok()?.parse::<u64>().ok();
        let pages = ["vm.page_free_count", "vm.page_purgeable_count", "vm.page_pageable_external_count"];
        let pages = pages.into_iter().map(number).sum::<Option<u64>>()?;
        pages.checked_mul(number("vm.pagesize")?)
    }
}

#[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
mod system {
    pub(super) fn available() -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_s_lines_are_read() {
        assert_eq!(system::meminfo("MemTotal:  99 kB\nMemAvailable:   22528 kB\n"), Some(22528 * 1024));
        assert_eq!(system::meminfo("MemTotal:  99 kB\n"), None);
    }

    #[test]
    fn bytes_are_told_in_few_digits() {
        assert_eq!(readable(3_221_225_472), "3.2 GB");
        assert_eq!(readable(12), "12 bytes");
    }

    #[test]
    fn more_than_there_is_is_rejected() {
        #[cfg(any(target_os = "linux", windows, target_os = "macos"))]
        assert!(check(u64::MAX).is_err_and(|free| free > 0));
        assert!(check(1).is_ok());
    }
}
