//! The folder of a run: where it lies, and what may be replaced there.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use chrono::DateTime;

use crate::error::{Error, Result, Text};
use crate::files::{Input, check_apart, of_folder, partials, remove, try_to_write};
use crate::models::ModelKind;
use crate::train::scores::kept::KeptIntervals;
use crate::train::weights::checkpoints;

/// The file by which a search over settings is known.
pub(crate) const SEARCH: &str = "search.json";

/// Every file of a run's results, also in its `replica-<r>` folders; and that of a search, which no run replaces unasked either.
const FILES: [&str; 11] = [
    SEARCH,
    "config.toml",
    "metrics.csv",
    "summary.json",
    "scores.csv",
    "left_out.csv",
    "model.safetensors",
    "checkpoint.safetensors",
    KeptIntervals::FILE,
    "forecast.svg",
    "training.svg",
];

/// A folder that is this run's own.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Folders that this run made, outer ones first.
    made: Vec<PathBuf>,
}

impl RunFolder {
    /// Makes the folder `out`, or a new one under `runs/`, and tries to write there. A run that lies there is rejected,
    /// unless it may be replaced.
    /// Files that are read stay: a run that would write over one of `read` is rejected.
    pub fn create(out: Option<&Path>, model: ModelKind, overwrite: bool, read: Vec<Input>) -> Result<RunFolder> {
        out.map_or(Ok(()), |out| RunFolder::check_apart(out, read))?;
        let new = || Path::new("runs").join(format!("{}-{model}", stamp()));
        let mut folder = RunFolder { path: out.map_or_else(new, Path::to_path_buf), made: Vec::new() };
        let made = if out.is_some() { folder.make(&folder.path.clone()) } else { folder.make_unused() };
        folder.check(made, overwrite).inspect_err(|_| folder.discard())?;
        Ok(folder)
    }

    /// Rejects a folder in which a run would write over files that are read, or remove them.
    ///
    /// # Errors
    /// Names both.
    pub fn check_apart(out: &Path, read: Vec<Input>) -> Result<()> {
        let own = RunFolder::of_run(out).files().into_iter().chain(partials(out));
        check_apart(own.map(|file| ("out", file)), read)
    }

    /// Every file of the run, its replicas and checkpoints.
    fn files(&self) -> Vec<PathBuf> {
        let replicas = self.replicas().unwrap_or_default().into_iter().map(|(_, folder)| folder);
        let own = [self.path.clone()].into_iter().chain(replicas).flat_map(files);
        own.chain(of_folder(&self.path.join(checkpoints::FOLDER))).collect()
    }

    /// The folder of a run that is resumed.
    pub fn of_run(path: &Path) -> RunFolder {
        RunFolder { path: path.to_path_buf(), made: Vec::new() }
    }

    /// Makes a folder and those above it, as far as they are not there.
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        let absent: Vec<&Path> =
            folder.ancestors().take_while(|path| *path != Path::new("") && !path.is_dir()).collect();
        for path in absent.into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => self.made.push(path.to_path_buf()),
                // Another run was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes the first folder of `path`, `path-2`, `path-3`, … that is not there: another run may start in this second.
    fn make_unused(&mut self) -> io::Result<()> {
        let first = self.path.clone();
        self.make(first.parent().unwrap_or(Path::new("")))?;
        let mut number = 1;
        while let Err(error) = fs::create_dir(&self.path) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            number += 1;
            self.path = PathBuf::from(format!("{}-{number}", first.display()));
        }
        self.made.push(self.path.clone());
        Ok(())
    }

    /// Rejects a folder that could not be made, cannot be written to, or holds a run that must stay.
    fn check(&self, made: io::Result<()>, overwrite: bool) -> Result<()> {
        let earlier = made.and_then(|()| try_to_write(&self.path)).and_then(|()| self.earlier_run());
        match earlier {
            Err(cause) => Err(Error::config(
                "out",
                format!("{}: {cause}", self.path.display()),
                "name a folder that can be written to; it need not exist",
            )),
            Ok(Some(place)) if !overwrite => {
                let resume = Text::option("resume", &self.path.display().to_string());
                let help = Text::from("resume it with ")
                    .and(resume)
                    .and(", choose another ‹out›, or replace it with ‹overwrite›");
                Err(Error::config("out", format!("{} holds a run already", place.display()), help))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or checkpoints of an earlier run.
    fn earlier_run(&self) -> io::Result<Option<PathBuf>> {
        let replicas = self.replicas()?.into_iter().map(|(_, folder)| folder);
        let checkpoints = checkpoints::any(&self.path).then(|| self.path.join(checkpoints::FOLDER));
        Ok([self.path.clone()].into_iter().chain(replicas).flat_map(files).next().or(checkpoints))
    }

    /// The folders `replica-<r>` that are there, with their r.
    fn replicas(&self) -> io::Result<Vec<(usize, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix("replica-")?.parse().ok());
            found.extend(number.filter(|r| path.is_dir() && path == self.path_of(*r)).map(|r| (r, path)));
        }
        Ok(found)
    }

    fn path_of(&self, replica: usize) -> PathBuf {
        self.path.join(format!("replica-{replica}"))
    }

    /// `replica-<r>`, made if need be.
    pub fn replica(&self, r: usize) -> Result<PathBuf> {
        let path = self.path_of(r);
        fs::create_dir_all(&path).map_err(Error::io(&path, WRITABLE))?;
        Ok(path)
    }

    /// Removes what an earlier run of more replicas left: their files, and their folders if nothing else lies there.
    pub fn remove_replicas(&self, from: usize) -> Result<()> {
        let failed = || Error::io(&self.path, WRITABLE);
        for (_, folder) in self.replicas().map_err(failed())?.into_iter().filter(|(r, _)| *r >= from) {
            let stale: Vec<PathBuf> = files(folder.clone()).collect();
            stale.iter().try_for_each(|file| remove(file, WRITABLE))?;
            if !stale.is_empty() && fs::read_dir(&folder).map_err(failed())?.next().is_none() {
                fs::remove_dir(&folder).map_err(failed())?;
            }
        }
        Ok(())
    }

    /// Takes back the folders that this run made, where nothing was written.
    pub fn discard(&self) {
        checkpoints::discard(&self.path);
        for folder in self.made.iter().rev() {
            // A folder that holds anything stays, which is what is wanted.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A weights file that is read, and all files of the run whose folder it lies in, or whose checkpoint or replica it is. `option` names it.
pub fn inputs(option: &str, weights: &Path) -> Vec<Input> {
    let parent = |path: &Path| match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let folder = parent(weights);
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_inner = name == checkpoints::FOLDER || name.starts_with("replica-");
    let run = RunFolder::of_run(&if is_inner { parent(&folder) } else { folder.clone() });
    [weights.to_path_buf()].into_iter().chain(run.files()).map(|file| (option.into(), file)).collect()
}

pub(super) const WRITABLE: &str = "‹out› takes a folder that can be written to";

/// The files of a run in a folder.
fn files(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
    FILES.into_iter().map(move |name| folder.join(name)).filter(|file| file.is_file())
}

/// The time in UTC, as `2026-01-31-120000`.
fn stamp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    DateTime::from_timestamp(seconds as i64, 0).unwrap_or_default().format("%Y-%m-%d-%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(out: &Path, overwrite: bool) -> Result<RunFolder> {
        RunFolder::create(Some(out), ModelKind::Lstm, overwrite, Vec::new())
    }

    fn rejection(out: &Path) -> String {
        create(out, false).unwrap_err().to_string()
    }

    #[test]
    fn a_run_is_rejected_unless_it_may_be_replaced() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("a/b");
        let folder = create(&out, false).unwrap();
        fs::write(out.join("notes.txt"), "mine").unwrap();
        create(&out, false).unwrap();
        fs::write(folder.replica(3).unwrap().join("summary.json"), "{}").unwrap();
        assert!(rejection(&out).contains("`overwrite`"));
        create(&out, true).unwrap();
        assert!(out.join("replica-3/summary.json").exists(), "the old run stays until the new one is written");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 2, "the probe is gone");
    }

    #[test]
    fn replicas_of_an_earlier_run_go_and_other_files_stay() {
        let place = tempfile::tempdir().unwrap();
        let folder = create(place.path(), false).unwrap();
        for r in 0..4 {
            fs::write(folder.replica(r).unwrap().join("summary.json"), "{}").unwrap();
        }
        fs::write(place.path().join("replica-3/notes.txt"), "mine").unwrap();
        for own in ["replica-7", "replica-07", "replica-x"] {
            fs::create_dir(place.path().join(own)).unwrap();
        }
        folder.remove_replicas(1).unwrap();
        let left = |path: &str| place.path().join(path).exists();
        assert!(left("replica-0/summary.json") && !left("replica-1") && !left("replica-2"));
        assert!(left("replica-3/notes.txt") && !left("replica-3/summary.json"));
        assert!(left("replica-7") && left("replica-07") && left("replica-x"));
    }

    #[test]
    fn only_what_was_made_is_taken_back() {
        let place = tempfile::tempdir().unwrap();
        let own = place.path().join("own");
        fs::create_dir(&own).unwrap();
        create(&own, false).unwrap().discard();
        assert!(own.exists());
        create(&own.join("a/b"), false).unwrap().discard();
        assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
        let kept = create(&own.join("a/b"), false).unwrap();
        fs::write(own.join("a/notes.txt"), "mine").unwrap();
        kept.discard();
        assert!(own.join("a/notes.txt").exists() && !own.join("a/b").exists());
    }

    #[test]
    fn what_cannot_be_a_folder_is_rejected_by_its_option() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(rejection(&file).contains("`out`") && rejection(&file.join("a")).contains("help: name a folder"));
        #[cfg(target_os = "linux")]
        assert!(rejection(Path::new("/proc")).contains("`out`: /proc: "), "nobody writes there");
    }

    #[test]
    fn folders_of_one_second_get_different_names() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("runs/x");
        let make = || {
            let mut folder = RunFolder { path: path.clone(), made: Vec::new() };
            folder.make_unused().map(|()| folder)
        };
        let (first, second) = (make().unwrap(), make().unwrap());
        assert_eq!((first.path(), second.path()), (path.as_path(), place.path().join("runs/x-2").as_path()));
        second.discard();
        first.discard();
        assert!(!place.path().join("runs").exists());
    }

    #[test]
    fn a_stamp_sorts_by_time() {
        assert_eq!(stamp().len(), "2026-01-31-120000".len());
    }
}
