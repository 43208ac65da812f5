//! A new search, up to its first run.

use std::path::Path;

use super::Asked;
use super::folder::Folder;
use super::run::{Make, Tuning};
use crate::error::Result;
use crate::experiment::StudyObserver;
use crate::files::Input;
use crate::runs::{Owner, RunFolder, Say};

/// Makes the folder of a search, settles what is left open, and draws the configurations; `None` where the observer interrupted. It lies at `out`,
/// or under `runs/`. Files that are `read` stay. A folder in which nothing was written is left as it was.
///
/// # Errors
/// A folder that holds another search or a run; what [`Asked::settle`] and [`Tuning::new`] reject.
pub fn begin(
    asked: &Asked,
    (out, overwrite): (Option<&Path>, bool),
    read: Vec<Input>,
    make: &mut Make,
    observer: &mut dyn StudyObserver,
    say: &Say,
) -> Result<Option<(Folder, Tuning)>> {
    if let Some(out) = out {
        Owner::Search.check(out)?;
        Folder::check_apart(out, read.clone())?;
    }
    let folder = RunFolder::create(out, asked.config.train.model.kind, overwrite, read)?;
    let held = Folder::hold(folder.path()).inspect_err(|_| folder.discard())?;
    let mut prepare = || -> Result<Option<Tuning>> {
        say(&format!("search: {}", asked.space()).into());
        let Some(settled) = asked.settle(make, true, observer)? else { return Ok(None) };
        let tuning = Tuning::new(asked, &settled, say)?;
        held.begin(&asked.manifest(&settled))?;
        Ok(Some(tuning))
    };
    match prepare() {
        Ok(Some(tuning)) => Ok(Some((held, tuning))),
        other => {
            held.discard();
            folder.discard();
            other.map(|_| None)
        }
    }
}
