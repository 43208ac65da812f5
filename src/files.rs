//! Files that are there whole or not at all, and folders in which one process at a time works.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::{Error, Result};
use crate::memory;

/// Reads a whole file into memory. What is no file but a device or a pipe, which may have no end, is refused, and so is a file that
/// with what is made of it would not fit into memory.
///
/// # Errors
/// Names the file; `help` says what it should have been.
pub fn read(path: &Path, help: &str) -> Result<Vec<u8>> {
    let failed = |cause| Error::io(path, help)(cause);
    // Before it is opened: a pipe that nobody writes to would be waited for.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(failed(io::Error::other("a device or a pipe, not a file")));
    }
    let mut file = File::open(path).map_err(failed)?;
    // The bytes, and what is made of them.
    if let Err(free) = memory::check(metadata.len().saturating_mul(3)) {
        let (size, free) = (memory::readable(metadata.len()), memory::readable(free));
        let problem =
            format!("a file of {size}, and {free} of memory are free, of which it takes three times its size");
        return Err(failed(io::Error::other(problem)));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Reads a short text, from a pipe too.
///
/// # Errors
/// Names the file: not there, of more than 16 MiB, or not UTF-8.
pub fn read_text(path: &Path, help: &str) -> Result<String> {
    const MOST: u64 = 16 << 20;
    let read = || {
        let mut text = String::new();
        let mut piece = File::open(path)?.take(MOST + 1);
        match piece.read_to_string(&mut text)? as u64 > MOST {
            true => Err(io::Error::other("of more than 16 MiB")),
            false => Ok(text),
        }
    };
    read().map_err(Error::io(path, help))
}

/// Whether something lies there that is no file: renaming one over it would take a device or a pipe away from everybody.
pub fn is_no_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// Writes a whole file or leaves the old one: a temporary file beside it, flushed, then renamed over it.
///
/// # Errors
/// Names the file, after a short write, a full disk, in a folder that cannot be written to, or where a device or a pipe lies.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = partial(path);
    let write = || {
        if is_no_file(path) {
            return Err(io::Error::other("a folder, a device or a pipe, not a file"));
        }
        let mut file = create(&temporary)?;
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

/// `NAME.<process>.partial`: no file of the user's, and no other process's, so that two that write one file do not mix.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.{PARTIAL}", process::id()));
    path.with_file_name(name)
}

/// A new file, whatever lies there; an earlier process of this number may have been killed. No link is followed.
fn create(temporary: &Path) -> io::Result<File> {
    let new = || OpenOptions::new().write(true).create_new(true).open(temporary);
    match new() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(temporary).and_then(|()| new())
        }
        other => other,
    }
}

/// Removes what killed processes left half written in a folder that this process holds.
///
/// # Errors
/// Names the folder or the file.
pub fn remove_partials(folder: &Path) -> Result<()> {
    let failed = |path: &Path| Error::io(path.to_path_buf(), "the folder must be one that can be written to");
    let is_partial = |name: &str| {
        let process = name.strip_suffix(PARTIAL).and_then(|rest| rest.strip_suffix('.')?.rsplit_once('.'));
        process.is_some_and(|(_, number)| number.parse::<u32>().is_ok())
    };
    for path in std::fs::read_dir(folder).map_err(failed(folder))?.flatten().map(|entry| entry.path()) {
        if path.file_name().and_then(|name| name.to_str()).is_some_and(is_partial) {
            std::fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    Ok(())
}

/// What [`lock`] leaves in a folder.
pub const LOCK: &str = ".lock";

/// Holds a folder until dropped; the system frees it whatever ends the process. `None` where another process holds it.
///
/// A file of that name is opened as it is, and a link is not followed: the folder may come from anybody.
pub fn lock(folder: &Path) -> io::Result<Option<Lock>> {
    let path = folder.join(LOCK);
    loop {
        if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other(format!("{LOCK} is a link, a folder, a device or a pipe, not a file")));
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems know no locks.
            Ok(()) | Err(TryLockError::Error(_)) if is_there(&lock, &path) => return Ok(Some(Lock(lock))),
            // The process that held it took it away meanwhile.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
    }
}

/// A folder that is held.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do where a process that was just started still has a copy of the file.
        let _ = self.0.unlock();
    }
}

/// Whether this is still the file of that name.
#[cfg(unix)]
fn is_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: io::Result<std::fs::Metadata>| metadata.map(|file| (file.dev(), file.ino())).ok();
    place(file.metadata()) == place(std::fs::metadata(path))
}

/// A file that is open cannot be taken away.
#[cfg(not(unix))]
fn is_there(_: &File, _: &Path) -> bool {
    true
}
