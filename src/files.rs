//! Files that are there whole or not at all, and folders in which one process at a time works.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a whole file or leaves the old one: a temporary file beside it, flushed, then renamed over it.
///
/// # Errors
/// Names the file, after a short write, a full disk, or in a folder that cannot be written to.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension(PARTIAL);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        // So that the rename itself survives a power cut; not every system can open a folder.
        match path
            .parent()
            .map(|folder| File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }))
        {
            Some(Ok(folder)) => folder.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(|cause| {
        // What was not renamed is of no use; if it cannot be removed either, nothing is lost.
        let _ = std::fs::remove_file(&temporary);
        Error::io(
            path,
            "name another place, as with --out, that can be written to and has room for the file; what lay there still does",
        )(cause)
    })
}

/// The ending of a file that is being written; left behind only where the process was killed.
pub const PARTIAL: &str = "partial";

/// What [`lock`] leaves in a folder.
pub const LOCK: &str = ".lock";

/// Holds a folder until dropped; the system frees it whatever ends the process. `None` where another process holds it.
pub fn lock(folder: &Path) -> std::io::Result<Option<File>> {
    let lock = File::create(folder.join(LOCK))?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // Some network file systems know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(lock)),
    }
}
