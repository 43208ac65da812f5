//! Files that are written whole or not at all, and locks on folders in which one process at a time works.
//!
//! Of the engine tier: it may change in any version.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{process, thread};

use same_file::Handle;

use crate::error::{Error, Result, Text};
use crate::memory;

/// Reads a whole file into memory. What is no file but a device or a pipe, which may have no end, is rejected, and so is a file that
/// with what is made of it would not fit into memory.
///
/// # Errors
/// Names the file; `help` says what it should have been.
pub fn read(path: &Path, help: &str) -> Result<Vec<u8>> {
    let failed = |cause| Error::io(path, help)(cause);
    // Checked before opening, because opening a pipe waits for a writer.
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

/// Rejects a folder that an option names, where it does not exist or cannot be read.
///
/// # Errors
/// Names the option and the cause.
pub fn check_folder(option: &str, folder: &Path, help: &str) -> Result<()> {
    let Err(cause) = std::fs::read_dir(folder) else { return Ok(()) };
    let problem = match cause.kind() {
        io::ErrorKind::NotFound => format!("{} does not exist", folder.display()),
        _ => format!("{} cannot be read: {cause}", folder.display()),
    };
    Err(Error::config(option, problem, help))
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

/// A file that is read, with the option that names it; none is named by an empty text.
pub type Input = (String, PathBuf);

/// Rejects files that would be written over or removed, and are read: what they hold would be lost. Each has the name of its option.
///
/// # Errors
/// Names both, by their options.
pub fn check_apart<'a>(
    written: impl IntoIterator<Item = (&'a str, PathBuf)>,
    read: impl IntoIterator<Item = Input>,
) -> Result<()> {
    let read: Vec<Input> = read.into_iter().collect();
    for (option, file) in written {
        if let Some((own, path)) = read.iter().find(|(_, path)| same_file(&file, path)) {
            let problem = Text::from(format!("{} is a file that is read", file.display()));
            let by = || Text::from(" (").and(Text::option(own, &path.display().to_string())).and(")");
            let problem = if own.is_empty() { problem } else { problem.and(by()) };
            let help = format!("choose another ‹{option}›, or move the file: it would be written over");
            return Err(Error::config(option, problem, help));
        }
    }
    Ok(())
}

/// Whether two names, or links, are of one file that is there. What is no file but a pipe, which waits when it is opened, is not.
fn same_file(one: &Path, other: &Path) -> bool {
    one.is_file() && other.is_file() && same_file::is_same_file(one, other).unwrap_or(false)
}

/// The files of a folder; none of one that is not there.
pub fn of_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// The files of a folder that [`remove_partials`] removes.
pub fn partials(folder: &Path) -> Vec<PathBuf> {
    of_folder(folder).into_iter().filter(|path| is_partial(path)).collect()
}

/// Whether something is there that is not a file. Renaming a file over a device or a pipe would remove it for everybody.
pub fn is_no_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// Writes a whole file or leaves the old one: a temporary file beside it, flushed, then renamed over it.
///
/// # Errors
/// Names the file, after a short write, a full disk, in a folder that cannot be written to, where a device or a pipe lies, or where
/// another program has the file open.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = partial(path);
    let write = || {
        if is_no_file(path) {
            return Err(io::Error::other("a folder, a device or a pipe, not a file"));
        }
        let mut file = create(&temporary)?;
        file.write_all(bytes)?;
        flush(&file)?;
        drop(file);
        retried(|| std::fs::rename(&temporary, path))?;
        flush_folder_of(path);
        Ok(())
    };
    write().map_err(|cause| {
        // A temporary file that was not renamed is of no use. If it cannot be removed either, nothing is lost.
        let _ = std::fs::remove_file(&temporary);
        let help = "name another place, as with ‹out›, that can be written to and has room for the file; what lay there still does";
        failed(path, help)(cause)
    })
}

/// Appends to a file, and waits until the disk has it.
///
/// # Errors
/// Names the file.
pub fn append(path: &Path, bytes: &[u8], help: &str) -> Result<()> {
    let write = || {
        let mut file = retried(|| OpenOptions::new().append(true).open(path))?;
        file.write_all(bytes)?;
        flush(&file)
    };
    write().map_err(failed(path, help))
}

/// Removes a file.
///
/// # Errors
/// Names the file.
pub fn remove(path: &Path, help: &str) -> Result<()> {
    retried(|| std::fs::remove_file(path)).map_err(failed(path, help))
}

/// Checks that a folder can be written to, and leaves nothing there.
///
/// # Errors
/// Why that cannot be done.
pub fn try_to_write(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".microglia-{}", process::id()));
    create(&probe)?.write_all(b"may this run write here?")?;
    retried(|| std::fs::remove_file(&probe))
}

/// Waits until the disk has what was written.
fn flush(file: &File) -> io::Result<()> {
    // On macOS this also empties the disk's own cache. Network shares and some disks reject that, but do flush in the plain way.
    #[cfg(target_os = "macos")]
    return or_plainly(file.sync_all(), || Ok(rustix::fs::fsync(file)?));
    #[cfg(not(target_os = "macos"))]
    file.sync_all()
}

/// Flushes in the system's plain way where the thorough one is rejected.
#[cfg(any(target_os = "macos", test))]
fn or_plainly(thorough: io::Result<()>, plain: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    thorough.or_else(|_| plain())
}

/// So that a rename survives a power cut. Not every system opens a folder, and not every file system flushes one: the rename has
/// succeeded all the same.
fn flush_folder_of(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = flush(&folder);
    }
}

/// Tries again for about a second while another program, such as a virus scanner, has the file open.
fn retried<T>(operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    retried_while(is_held, operation)
}

fn retried_while<T>(
    is_held: impl Fn(&io::Error) -> bool,
    mut operation: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    for pause in (1..10).map(|doubled| Duration::from_millis(1 << doubled)) {
        match operation() {
            Err(cause) if is_held(&cause) => thread::sleep(pause),
            other => return other,
        }
    }
    operation()
}

/// Whether Windows rejected because another program has the file open: by a sharing or a lock violation, or by denying access to what
/// would be renamed over. Other systems let both have the file.
fn is_held(cause: &io::Error) -> bool {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    cfg!(windows) && matches!(cause.raw_os_error(), Some(ACCESS_DENIED | SHARING_VIOLATION | LOCK_VIOLATION))
}

/// For `map_err`: a file that could not be written or removed, with what to do about a program that has it open.
fn failed(path: &Path, help: &str) -> impl FnOnce(io::Error) -> Error {
    move |cause| {
        let held = if is_held(&cause) {
            "close the file where another program has it open, then run the same again; or "
        } else {
            ""
        };
        Error::io(path, format!("{held}{help}"))(cause)
    }
}

/// The ending of a file that is being written; left behind only where the process was killed.
pub const PARTIAL: &str = "partial";

/// `NAME.<process>.partial`: no file of the user's, and no other process's, so that two that write one file do not mix.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.{PARTIAL}", process::id()));
    path.with_file_name(name)
}

/// Creates a file, replacing what is there: an earlier process with the same id may have been killed. No link is followed.
fn create(temporary: &Path) -> io::Result<File> {
    let new = || OpenOptions::new().write(true).create_new(true).open(temporary);
    match new() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            retried(|| std::fs::remove_file(temporary)).and_then(|()| new())
        }
        other => other,
    }
}

/// Removes the temporary files of killed processes from a folder that this process holds.
///
/// # Errors
/// Names the folder or the file.
pub fn remove_partials(folder: &Path) -> Result<()> {
    let help = "the folder must be one that can be written to";
    for path in std::fs::read_dir(folder).map_err(Error::io(folder, help))?.flatten().map(|entry| entry.path()) {
        if is_partial(&path) {
            remove(&path, help)?;
        }
    }
    Ok(())
}

fn is_partial(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let process = name.strip_suffix(PARTIAL).and_then(|rest| rest.strip_suffix('.')?.rsplit_once('.'));
    process.is_some_and(|(_, number)| number.parse::<u32>().is_ok())
}

/// The file that [`lock`] makes in a folder.
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
        let lock = retried(|| OpenOptions::new().write(true).create(true).truncate(false).open(&path))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) if is_there(&lock, &path)? => return Ok(Some(Lock(lock))),
            // The process that held it has removed it.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
    }
}

/// A lock on a folder, held until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Lock(File);

impl Lock {
    /// Removes the folder if it holds nothing but the lock.
    pub fn discard(self, folder: &Path) {
        // The name is removed while the folder is held, so that nobody else locks a removed file.
        let _ = retried(|| std::fs::remove_file(folder.join(LOCK)));
        // Closed before the folder is removed: Windows keeps a folder in which a file is open.
        drop(self);
        let _ = std::fs::remove_dir(folder);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough where a process that was just started still has a copy of the file.
        let _ = self.0.unlock();
    }
}

/// Whether this is still the file of that name.
fn is_there(file: &File, path: &Path) -> io::Result<bool> {
    let opened = Handle::from_file(file.try_clone()?)?;
    match retried(|| Handle::from_path(path)) {
        Ok(named) => Ok(named == opened),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_use_is_tried_again_and_then_told() {
        let in_use = || io::Error::from_raw_os_error(32);
        let held = |cause: &io::Error| cause.raw_os_error() == Some(32);
        let tries = |fails: usize| {
            let mut tried = 0;
            let result = retried_while(held, || {
                tried += 1;
                if tried > fails { Ok(tried) } else { Err(in_use()) }
            });
            (result.ok(), tried)
        };
        assert_eq!((tries(0), tries(3)), ((Some(1), 1), (Some(4), 4)));
        assert_eq!(tries(1000), (None, 10));
        let mut tried = 0;
        let other = retried_while(held, || -> io::Result<()> {
            tried += 1;
            Err(io::ErrorKind::NotFound.into())
        });
        assert_eq!((other.unwrap_err().kind(), tried), (io::ErrorKind::NotFound, 1));
        assert_eq!(is_held(&in_use()), cfg!(windows));
    }

    /// As a spreadsheet holds it.
    #[cfg(windows)]
    #[test]
    fn a_file_that_another_program_holds_is_named() {
        use std::os::windows::fs::OpenOptionsExt;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("results.csv");
        std::fs::write(&path, "before").unwrap();
        const SHARE_READ: u32 = 1;
        let hold = || OpenOptions::new().read(true).share_mode(SHARE_READ).open(&path).unwrap();
        let held = hold();
        for rejected in [replace(&path, b"after"), append(&path, b"after", "help"), remove(&path, "help")] {
            let told = rejected.unwrap_err().to_string();
            assert!(told.contains("results.csv: ") && told.contains("help: close the file"), "{told}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
        let soon = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            drop(held);
        });
        replace(&path, b"after").unwrap();
        soon.join().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"after");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "no half of a file");
    }

    /// Of somebody else's making, in a folder that this process does not hold yet.
    #[cfg(unix)]
    #[test]
    fn no_link_is_written_through() {
        let place = tempfile::tempdir().unwrap();
        let (own, other) = (place.path().join("mine"), place.path().join("other.txt"));
        std::fs::create_dir(&own).unwrap();
        std::fs::write(&other, "theirs").unwrap();
        std::os::unix::fs::symlink(&other, own.join(format!(".microglia-{}", process::id()))).unwrap();
        try_to_write(&own).unwrap();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "theirs");
        assert_eq!(std::fs::read_dir(&own).unwrap().count(), 0);
    }

    #[test]
    fn a_disk_that_refuses_to_empty_its_cache_is_asked_to_write() {
        let rejected = || io::Result::Err(io::ErrorKind::Unsupported.into());
        assert!(or_plainly(Ok(()), || panic!("asked twice")).is_ok());
        assert!(or_plainly(rejected(), || Ok(())).is_ok());
        assert!(or_plainly(rejected(), rejected).is_err(), "nothing was written, and nobody told");
    }

    /// A rename stands, whether or not the folder can be flushed.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_refuses_to_be_flushed_is_no_error() {
        assert!(flush(&File::open("/proc/self").unwrap()).is_err(), "such a folder is needed for this test");
        flush_folder_of(Path::new("/proc/self/status"));
        flush_folder_of(Path::new("/no/such/folder/file"));
    }

    #[test]
    fn a_lock_is_of_the_file_that_is_there() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(LOCK);
        let file = File::create(&path).unwrap();
        assert!(is_there(&file, &path).unwrap());
        std::fs::rename(&path, place.path().join("moved")).unwrap();
        assert!(!is_there(&file, &path).unwrap(), "the name is gone");
        File::create(&path).unwrap();
        assert!(!is_there(&file, &path).unwrap(), "the name is another file's");
    }

    #[test]
    fn a_folder_is_taken_back_with_its_lock_unless_it_holds_more() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("checkpoints");
        std::fs::create_dir(&folder).unwrap();
        let held = lock(&folder).unwrap().unwrap();
        assert!(lock(&folder).unwrap().is_none(), "one process at a time");
        held.discard(&folder);
        assert!(!folder.exists());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("notes.txt"), "mine").unwrap();
        lock(&folder).unwrap().unwrap().discard(&folder);
        assert!(folder.join("notes.txt").exists() && !folder.join(LOCK).exists());
    }

    #[test]
    fn files_are_replaced_lengthened_and_removed() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        replace(&path, b"1").unwrap();
        replace(&path, b"2").unwrap();
        append(&path, b"3", "help").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"23");
        remove(&path, "help").unwrap();
        let told = [append(&path, b"4", "help me"), remove(&path, "help me")].map(|told| told.unwrap_err().to_string());
        assert!(told.iter().all(|told| told.contains("a: ") && told.contains("help: help me")), "{told:?}");
    }
}
