//! The checkpoints of a run: when one is due, where it is written, which are kept, and which one a run continues from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::files;
use crate::train::options::Select;
use crate::train::plan::Plan;
use crate::train::run::state::RunState;
use crate::train::weights::checkpoint::save_checkpoint;
use crate::train::weights::header::{DeviceHeader, Header};
use crate::train::weights::loaded::{Loaded, MODEL};

/// Inside a run folder.
pub const FOLDER: &str = "checkpoints";
/// Inside [`FOLDER`], once every file of a run's results is written.
const FINISHED: &str = "finished";

/// How often a checkpoint is taken: `500` steps, `300s`, or `none` but where a run stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Every {
    /// Only where a run stops.
    Stop,
    /// After so many optimizer steps.
    Steps(usize),
    /// After so many wall seconds.
    Seconds(f64),
}

impl Default for Every {
    fn default() -> Self {
        Every::Seconds(300.0)
    }
}

impl FromStr for Every {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let every = match text.strip_suffix('s') {
            _ if text == "none" => Some(Every::Stop),
            Some(number) => number.parse().ok().filter(|s: &f64| *s > 0.0 && s.is_finite()).map(Every::Seconds),
            None => text.parse().ok().filter(|steps| *steps > 0).map(Every::Steps),
        };
        every.ok_or_else(|| {
            let help = "give a number of steps (500) or of seconds (300s), above 0, or none";
            Error::config("checkpoint-every", format!("{text:?} is neither"), help)
        })
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Every::Stop => f.write_str("none"),
            Every::Steps(steps) => write!(f, "{steps}"),
            Every::Seconds(seconds) => write!(f, "{seconds}s"),
        }
    }
}

/// A run's folder of checkpoints, this process's own. Each file holds the whole run: any replicas, the weights of each one's
/// best epoch so far beside the last ones, and by PyTorch's names the best of the best replica.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    every: Every,
    keep: usize,
    config: String,
    /// When the last was written, and where it stands: epoch, steps done in it, epochs reported.
    saved: Instant,
    stands: Option<(usize, usize, usize)>,
    _lock: files::Lock,
}

impl Checkpoints {
    /// Opens the checkpoints of the run in `run`; those of an earlier run there go, unless this is that run and goes on.
    ///
    /// `keep`: how many of the newest files stay, at least 1. `config`: the resolved configuration, which every file holds. `from`: where the run goes on, if it is resumed.
    ///
    /// # Errors
    /// Where another process works in the folder, or it cannot be written to.
    pub fn open(run: &Path, every: Every, keep: usize, config: &str, from: Option<&RunState>) -> Result<Self> {
        let folder = run.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder, WRITABLE))?;
        let lock = files::lock(&folder).map_err(Error::io(&folder, WRITABLE))?.ok_or_else(|| {
            let problem = format!("another process trains in {}", run.display());
            Error::config(if from.is_some() { "resume" } else { "out" }, problem, "wait for it, or end it")
        })?;
        let (config, keep, saved) = (config.into(), keep.max(1), Instant::now());
        let stands = from.map(RunState::position);
        let this = Checkpoints { folder, every, keep, config, saved, stands, _lock: lock };
        files::remove_partials(run)?;
        files::remove_partials(&this.folder)?;
        this.remove(|name| name == FINISHED || from.is_none() && step_of(name).is_some())?;
        Ok(this)
    }

    /// The configuration that the files to come hold.
    pub fn resolve(&mut self, config: &str) {
        self.config = config.into();
    }

    /// Whether the newest file is of this state.
    pub fn stands(&self, run: &RunState) -> bool {
        self.stands == Some(run.position())
    }

    /// Whether one is written at the start, too.
    pub fn periodic(&self) -> bool {
        self.every != Every::Stop
    }

    /// Steps that may be run before [`Self::due`] must be asked.
    pub fn steps_until_due(&self, step: usize) -> usize {
        match self.every {
            Every::Steps(every) => every - step % every,
            Every::Stop | Every::Seconds(_) => usize::MAX,
        }
    }

    /// Whether a checkpoint is to be written after this step.
    pub fn due(&self, step: usize) -> bool {
        match self.every {
            Every::Stop => false,
            Every::Steps(every) => step.is_multiple_of(every),
            Every::Seconds(seconds) => self.saved.elapsed().as_secs_f64() >= seconds,
        }
    }

    /// Writes one, then removes the oldest beyond the number that is kept.
    pub fn save(&mut self, dataset: &Dataset, plan: &Plan, device: &DeviceHeader, run: &RunState) -> Result<()> {
        // If the disk is full, asking again at each step would not empty it.
        self.saved = Instant::now();
        let best = run.best_replica();
        let (replica, rows) = (&run.replicas[best], &run.rows[best]);
        let kept = replica.best.filter(|_| plan.options.select == Select::Best && plan.options.max_steps.is_none());
        let (params, state) = match kept {
            Some(_) => (&rows.best_params, &rows.best_state),
            None => (&rows.params, &rows.state),
        };
        let mut header = Header::new(dataset, plan, replica, device, &self.config);
        header.progress.kept_epoch = kept.map(|(_, epoch)| epoch);
        let path = self.folder.join(file_name(run.step(plan.steps_per_epoch)));
        save_checkpoint(&path, &plan.program, params, state, &header, run)?;
        self.stands = Some(run.position());
        let mut steps: Vec<usize> = files_of(&self.folder)?.into_iter().map(|(step, _)| step).collect();
        steps.sort_unstable();
        let too_many = steps.len().saturating_sub(self.keep);
        let stale: Vec<String> = steps[..too_many].iter().map(|step| file_name(*step)).collect();
        self.remove(|name| stale.iter().any(|stale| stale == name))
    }

    /// Notes that the run's results are written.
    pub fn finish(&self) -> Result<()> {
        files::replace(&self.folder.join(FINISHED), b"Every file of the run is written.\n")
    }

    fn remove(&self, unwanted: impl Fn(&str) -> bool) -> Result<()> {
        let list = std::fs::read_dir(&self.folder).map_err(Error::io(&self.folder, WRITABLE))?;
        for path in list.flatten().map(|entry| entry.path()) {
            if path.file_name().and_then(|name| name.to_str()).is_some_and(&unwanted) {
                files::remove(&path, WRITABLE)?;
            }
        }
        Ok(())
    }
}

const WRITABLE: &str = "the run folder must be one that can be written to";

fn file_name(step: usize) -> String {
    format!("step-{step:010}.safetensors")
}

/// The step of a checkpoint's name.
fn step_of(name: &str) -> Option<usize> {
    name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}

/// The whole checkpoints in a folder, with their steps; none where there is no folder.
fn files_of(folder: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let list = match std::fs::read_dir(folder) {
        Ok(list) => list,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(folder, "the folder must be readable")(error)),
    };
    let paths = list.flatten().map(|entry| entry.path());
    let whole = paths.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
    Ok(whole.filter_map(|path| Some((step_of(path.file_name()?.to_str()?)?, path.clone()))).collect())
}

/// Takes the folder of checkpoints back, where nothing was written into it.
pub fn discard(run: &Path) {
    let folder = run.join(FOLDER);
    // Another process that trains there keeps its lock.
    if let (false, false, Ok(Some(lock))) = (any(run), finished(run), files::lock(&folder)) {
        lock.discard(&folder);
    }
}

/// Whether a run folder holds checkpoints.
pub fn any(run: &Path) -> bool {
    files_of(&run.join(FOLDER)).is_ok_and(|files| !files.is_empty())
}

/// Whether a run in a folder is over, with its results written.
pub fn finished(run: &Path) -> bool {
    run.join(FOLDER).join(FINISHED).is_file()
}

/// The newest checkpoint of a run that can be read, and a line for each newer one that cannot.
///
/// # Errors
/// Where there is none: the reason of the newest, if one is there.
pub fn newest(run: &Path) -> Result<(Loaded, Vec<String>)> {
    let help = "‹resume› takes the run folder of a training that was begun; if it was stopped before its first step, start it again";
    readable(run)?.ok_or_else(|| Error::checkpoint(run, NONE, help))
}

/// What is wrong with a folder of no run.
const NONE: &str = "holds no checkpoint of a run";

/// As [`newest`]; `None` where there is no checkpoint.
fn readable(run: &Path) -> Result<Option<(Loaded, Vec<String>)>> {
    let mut found = files_of(&run.join(FOLDER))?;
    found.sort_unstable_by(|a, b| b.cmp(a));
    // A replica's own folder, or one whose checkpoints were removed.
    found.push((0, run.join("checkpoint.safetensors")));
    let mut lines = Vec::new();
    let mut first = None;
    for (_, path) in found.into_iter().filter(|(_, path)| path.is_file()) {
        let error = match Loaded::open(&path) {
            Ok(loaded) if loaded.header.run.is_some() => return Ok(Some((loaded, lines))),
            Ok(loaded) => loaded.without_run(),
            Err(error) => error,
        };
        lines.push(format!("left aside: {error}"));
        first = first.or(Some(error));
    }
    first.map_or(Ok(None), Err)
}

/// The model of a run folder: that of its results, or of its newest checkpoint where the run was killed before it wrote them, or
/// went on after them.
pub(in crate::train) fn of_folder(run: &Path) -> Result<Loaded> {
    let results = run.join("checkpoint.safetensors");
    if !results.exists() {
        return readable(run)?.map(|(loaded, _)| loaded).ok_or_else(|| Error::checkpoint(run, NONE, MODEL));
    }
    let results = Loaded::open(&results)?;
    if finished(run) {
        return Ok(results);
    }
    let position = |loaded: &Loaded| loaded.header.run.as_ref().map(RunState::position);
    match newest(run) {
        Ok((newest, _)) if position(&newest) > position(&results) => Ok(newest),
        _ => Ok(results),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_is_one_word() {
        for word in ["none", "1", "500", "0.5s", "300s"] {
            assert_eq!(word.parse::<Every>().unwrap().to_string(), word);
        }
        for word in ["0", "-1", "0s", "s", "5m", "", "infs", "nans"] {
            assert!(word.parse::<Every>().unwrap_err().to_string().contains("`checkpoint-every`"), "{word}");
        }
    }

    #[test]
    fn a_checkpoint_is_known_by_its_name() {
        assert_eq!(step_of(&file_name(120)), Some(120));
        assert_eq!(step_of("step-0000000120.safetensors.4711.partial"), None);
        assert_eq!((step_of("step-x.safetensors"), step_of("step-1.csv"), step_of("notes.txt")), (None, None, None));
    }
}
