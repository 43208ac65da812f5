//! The folder of a run: where it lies, and what may be replaced there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use microglia::models::ModelKind;

/// Every file that a run writes, also in its `replica-<r>` folders.
const FILES: [&str; 7] = [
    "config.toml",
    "metrics.csv",
    "summary.json",
    "model.safetensors",
    "checkpoint.safetensors",
    "forecast.svg",
    "training.svg",
];

/// A folder that is this run's own.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder `out`, or a new one under `runs/`. A run that lies there is refused, unless it may be replaced.
    pub fn create(out: Option<&Path>, model: ModelKind, overwrite: bool) -> Result<RunFolder> {
        let path = match out {
            Some(path) if path.is_file() => {
                bail!("--out {} is a file\n  help: name a folder, which need not exist", path.display())
            }
            Some(path) => {
                fs::create_dir_all(path).with_context(|| format!("--out {}", path.display()))?;
                path.to_path_buf()
            }
            None => unused(&Path::new("runs").join(format!("{}-{model}", stamp())))?,
        };
        let folder = RunFolder { path };
        match folder.holds()?.first() {
            Some(found) if !overwrite => {
                bail!(
                    "{} holds a run already\n  help: choose another --out, or replace it with --overwrite",
                    found.display()
                )
            }
            _ => Ok(folder),
        }
    }

    /// Removes the files of the run that may be replaced.
    pub fn clear(&self) -> Result<()> {
        for file in self.holds()? {
            fs::remove_file(&file).with_context(|| format!("{}", file.display()))?;
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Files of an earlier run.
    fn holds(&self) -> Result<Vec<PathBuf>> {
        let mut folders = vec![self.path.clone()];
        for entry in fs::read_dir(&self.path).with_context(|| format!("{}", self.path.display()))? {
            let entry = entry?;
            let name = entry.file_name();
            let replica = name.to_str().and_then(|name| name.strip_prefix("replica-"));
            if replica.is_some_and(|number| number.parse::<u32>().is_ok()) && entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
        let files = folders.iter().flat_map(|folder| FILES.map(|name| folder.join(name)));
        Ok(files.filter(|file| file.is_file()).collect())
    }

    /// `replica-<r>`, made if need be.
    pub fn replica(&self, r: usize) -> Result<PathBuf> {
        let path = self.path.join(format!("replica-{r}"));
        fs::create_dir_all(&path).with_context(|| format!("{}", path.display()))?;
        Ok(path)
    }

    /// Takes back a folder in which nothing was written.
    pub fn discard(&self) {
        // A folder that holds anything stays, which is what is wanted.
        let _ = fs::remove_dir(&self.path);
    }
}

/// Makes the first folder of `path`, `path-2`, `path-3`, … that is not there: another run may start in this second.
fn unused(path: &Path) -> Result<PathBuf> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("{}", parent.display()))?;
    for number in 1.. {
        let path = if number == 1 { path.to_path_buf() } else { PathBuf::from(format!("{}-{number}", path.display())) };
        match fs::create_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path.clone()).with_context(|| format!("{}", path.display())),
        }
    }
    unreachable!("the numbers do not end")
}

/// The time in UTC, as `2026-01-31-120000`.
fn stamp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    DateTime::from_timestamp(seconds as i64, 0).unwrap_or_default().format("%Y-%m-%d-%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_refused_unless_it_may_be_replaced_and_other_files_stay() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("a/b");
        let create = |overwrite| RunFolder::create(Some(&out), ModelKind::Lstm, overwrite);
        let folder = create(false).unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        create(false).unwrap();
        fs::write(folder.replica(3).unwrap().join("summary.json"), "{}").unwrap();
        assert!(create(false).unwrap_err().to_string().contains("--overwrite"));
        create(true).unwrap().clear().unwrap();
        assert!(!out.join("replica-3/summary.json").exists());
        assert!(out.join("notes.txt").exists());
        folder.discard();
        assert!(out.exists());
        let file = out.join("notes.txt");
        assert!(RunFolder::create(Some(&file), ModelKind::Rnn, true).unwrap_err().to_string().contains("is a file"));
    }

    #[test]
    fn folders_of_one_second_get_different_names() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x");
        assert_eq!(unused(&path).unwrap(), path);
        assert_eq!(unused(&path).unwrap(), place.path().join("x-2"));
    }

    #[test]
    fn a_stamp_sorts_by_time() {
        assert_eq!(stamp().len(), "2026-01-31-120000".len());
    }
}
