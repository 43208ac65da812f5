//! Where results go that the user names.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use microglia::files::{is_no_file, replace};

/// Rejects, before anything is computed, files that may not be replaced.
pub(super) fn check_unused(files: &[(&str, &Path)], overwrite: bool) -> Result<()> {
    for (index, (option, file)) in files.iter().enumerate() {
        if file.is_dir() {
            bail!("--{option} {}: is a folder\n  help: name a file in it", file.display());
        }
        if is_no_file(file) {
            bail!("--{option} {}: is a device or a pipe\n  help: name a file", file.display());
        }
        if file.exists() && !overwrite {
            bail!(
                "--{option} {}: is there already\n  help: choose another, or replace it with --overwrite",
                file.display()
            );
        }
        // Without `./`; no file need be there yet.
        let place = std::path::absolute(file).ok();
        if files[..index].iter().any(|(_, other)| std::path::absolute(other).ok() == place) {
            bail!("--{option} {}: another option names the same file\n  help: choose another", file.display());
        }
    }
    Ok(())
}

/// Writes a whole file, and its folder where that is not there.
pub(super) fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(microglia::Error::io(folder, "name a place that can be written to"))?;
    }
    Ok(replace(file, bytes)?)
}

/// `NAME.csv` and `NAME.svg`, by the name of either, or both in a folder.
pub(super) fn outputs(out: &Path) -> (PathBuf, PathBuf) {
    let ends =
        |wanted: &str| out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted)) && !out.is_dir();
    if ends("csv") {
        return (out.to_path_buf(), out.with_extension("svg"));
    }
    if ends("svg") {
        return (out.with_extension("csv"), out.to_path_buf());
    }
    (out.join("forecast.csv"), out.join("forecast.svg"))
}
