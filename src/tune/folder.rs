//! A search's folder: what was asked for, the scores so far, and the runs' states. One process at a time works in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::{self, Input, replace};
use crate::runs::{SEARCH, json};
use crate::train::weights::checkpoints::FOLDER;
use crate::train::weights::header::DeviceHeader;

/// What must be the same for a search to continue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file.
    pub format_version: u32,
    /// The microglia that wrote it.
    pub version: String,
    /// The run's options that were asked for.
    pub run: BTreeMap<String, String>,
    /// The search's options.
    pub search: BTreeMap<String, String>,
    /// SHA-256 of the data.
    pub fingerprint: String,
    /// What was settled before the first run.
    pub settled: Settled,
}

/// What a search settles before its first run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// The instance normalisation of the run, or `none`.
    pub instance_norm: String,
    /// Its linear path.
    pub linear_path: String,
    /// Configurations that are tried at most.
    pub configurations: usize,
    /// Where it is computed.
    pub device: DeviceHeader,
}

impl Settled {
    /// Rejects another class of device: the configurations before and after would differ in bits.
    ///
    /// # Errors
    /// Names both devices.
    pub fn check_device(&self, now: &DeviceHeader) -> Result<()> {
        let then = &self.device;
        if (&then.engine, &then.class) == (&now.engine, &now.class) {
            return Ok(());
        }
        let problem = format!(
            "the search was on {} ({}, {}), and here is {} ({}, {}): the bits would differ",
            then.name, then.engine, then.class, now.name, now.engine, now.class
        );
        Err(Error::config("resume", problem, "name that device with ‹device›, or begin a new search"))
    }
}

/// What a configuration scored after some steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// By seed, the validation loss; `None` if it diverged.
    pub losses: Vec<Option<f64>>,
    /// Optimizer steps of its models together.
    pub steps: usize,
}

impl Score {
    /// The mean over the seeds; not finite if one diverged.
    pub fn loss(&self) -> f64 {
        let values = self.losses.iter().map(|loss| loss.unwrap_or(f64::INFINITY));
        values.sum::<f64>() / self.losses.len().max(1) as f64
    }
}

/// Scores by rung and configuration.
pub type Scores = Vec<BTreeMap<usize, Score>>;

/// Of a search's folder.
const FORMAT: u32 = 1;
const SCORES: &str = "scores.json";
const RUNS: &str = "runs";
/// The configuration that was chosen: the last file that a search writes.
pub const BEST: &str = "best.toml";
/// Every configuration, as CSV.
pub const TABLE: &str = "tuning.csv";
/// The picture.
pub const PICTURE: &str = "tuning.svg";
/// The results, as JSON.
pub const RESULTS: &str = "tuning.json";
/// What a search writes and another one that begins there removes.
const RESULTS_OF: [&str; 5] = [BEST, RESULTS, TABLE, PICTURE, SCORES];

/// What helps where a file of a search's folder cannot be read or written.
pub(super) const HELP: &str = "is ‹out› a folder of a search, on a disk with room, that you may write to?";

/// A search's folder that this process holds.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held while the folder is in use. The system frees it, however the process ends.
    _lock: files::Lock,
}

impl Manifest {
    /// What is written of a search that begins.
    pub fn new(
        run: BTreeMap<String, String>,
        search: BTreeMap<String, String>,
        fingerprint: &str,
        settled: Settled,
    ) -> Self {
        let version = env!("CARGO_PKG_VERSION").into();
        Manifest { format_version: FORMAT, version, run, search, fingerprint: fingerprint.into(), settled }
    }

    /// That of the search in a folder.
    ///
    /// # Errors
    /// Where there is none, or it is another version's.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let file = folder.join(SEARCH);
        let help = "‹resume› takes the folder of a search that was begun";
        files::check_folder("resume", folder, help)?;
        let found: Manifest = read(&file, help)?;
        if found.format_version != FORMAT {
            let problem = format!("{}: format {}, this microglia reads {FORMAT}", file.display(), found.format_version);
            return Err(Error::config("resume", problem, "use the microglia that wrote it, or begin a new search"));
        }
        Ok(found)
    }
}

impl Folder {
    /// Holds a folder that is there.
    ///
    /// # Errors
    /// Where another process works in it.
    pub fn hold(path: &Path) -> Result<Folder> {
        let lock = files::lock(path).map_err(Error::io(path.join(files::LOCK), HELP))?.ok_or_else(|| {
            let problem = format!("another process works in {}", path.display());
            Error::config("out", problem, "wait for it, or choose another ‹out›")
        })?;
        files::remove_partials(path)?;
        Ok(Folder { path: path.to_path_buf(), _lock: lock })
    }

    /// Rejects a folder in which a search would write over files that are read, or remove them.
    ///
    /// # Errors
    /// Names both.
    pub fn check_apart(out: &Path, read: Vec<Input>) -> Result<()> {
        let own = RESULTS_OF.into_iter().chain([SEARCH]).map(|name| out.join(name));
        let groups = std::fs::read_dir(out.join(RUNS)).into_iter().flatten().flatten();
        let states = groups.flat_map(|group| files::of_folder(&group.path().join(FOLDER)));
        files::check_apart(own.chain(files::partials(out)).chain(states).map(|file| ("out", file)), read)
    }

    /// Leaves a folder in which nothing was written as it was.
    pub fn discard(self) {
        // The name is removed while the folder is held, so that nobody else locks a removed file.
        let _ = files::remove(&self.path.join(files::LOCK), HELP);
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a search: what an earlier one left there goes.
    pub fn begin(&self, manifest: &Manifest) -> Result<()> {
        for name in RESULTS_OF {
            let file = self.path.join(name);
            if file.is_file() {
                files::remove(&file, HELP)?;
            }
        }
        self.remove_runs()?;
        replace(&self.path.join(SEARCH), json(manifest)?.as_bytes())
    }

    /// The scores so far.
    pub fn scores(&self) -> Result<Scores> {
        let file = self.path.join(SCORES);
        if !file.exists() {
            return Ok(Scores::new());
        }
        read(&file, "the search cannot continue without it: begin a new one")
    }

    /// Keeps the scores.
    pub fn save_scores(&self, scores: &Scores) -> Result<()> {
        replace(&self.path.join(SCORES), json(scores)?.as_bytes())
    }

    /// The folder of a group's run, made if need be.
    pub fn run(&self, group: usize) -> Result<PathBuf> {
        let path = self.path.join(RUNS).join((group + 1).to_string());
        std::fs::create_dir_all(&path).map_err(Error::io(&path, HELP))?;
        Ok(path)
    }

    /// Writes one of the results.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace(&self.path.join(name), bytes)
    }

    /// Whether the search is over, its results written.
    pub fn is_finished(&self) -> bool {
        self.path.join(BEST).is_file()
    }

    /// Removes the runs' states, of which nothing is needed any more.
    pub fn remove_runs(&self) -> Result<()> {
        let list = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for run in list(&self.path.join(RUNS)).collect::<Vec<_>>() {
            for file in list(&run.join(FOLDER)).filter(|file| file.is_file()).collect::<Vec<_>>() {
                files::remove(&file, HELP)?;
            }
            // What holds files of others stays; an earlier attempt may have removed the inner folder alone.
            let _ = std::fs::remove_dir(run.join(FOLDER));
            let _ = std::fs::remove_dir(&run);
        }
        let _ = std::fs::remove_dir(self.path.join(RUNS));
        Ok(())
    }
}

fn read<T: DeserializeOwned>(file: &Path, help: &str) -> Result<T> {
    let bytes = std::fs::read(file).map_err(Error::io(file, help))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::config("resume", format!("{}: {error}", file.display()), help))
}
