//! Whose a folder is: a run's, a search's or a study's. None takes over what another left, because it would leave a part of it there.

use std::fmt;
use std::path::Path;

use super::folder::SEARCH;
use crate::error::{Error, Result};
use crate::train::weights::checkpoints;

/// What writes its results to a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// `train`
    Run,
    /// `tune`
    Search,
    /// `experiment`
    Study,
}

impl Owner {
    /// Rejects a folder in which another kind of work lies.
    ///
    /// # Errors
    /// Names the folder and what it holds.
    pub fn check(self, folder: &Path) -> Result<()> {
        let mut others = [Owner::Run, Owner::Search, Owner::Study].into_iter().filter(|other| *other != self);
        let Some(held) = others.find(|other| other.lies_in(folder)) else { return Ok(()) };
        let problem = format!("{} holds {held}, which no {} replaces", folder.display(), self.word());
        Err(Error::config("out", problem, "choose another ‹out›, or remove the folder"))
    }

    /// By files that the others do not write, and that are no settings of the user's.
    fn lies_in(self, folder: &Path) -> bool {
        let has = |name: &str| folder.join(name).is_file();
        match self {
            Owner::Run => {
                let results = ["summary.json", "model.safetensors", "checkpoint.safetensors"];
                results.into_iter().any(has) || checkpoints::any(folder)
            }
            Owner::Search => has(SEARCH),
            Owner::Study => has("manifest.json") && has("study.toml"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Owner::Run => "run",
            Owner::Search => "search",
            Owner::Study => "study",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a {}", self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_of_work_replaces_another() {
        let marks: [(Owner, &[&str]); 4] = [
            (Owner::Run, &["summary.json"]),
            (Owner::Run, &["checkpoints/step-7.safetensors"]),
            (Owner::Search, &["search.json"]),
            (Owner::Study, &["manifest.json", "study.toml"]),
        ];
        for (held, files) in marks {
            let place = tempfile::tempdir().unwrap();
            for own in [Owner::Run, Owner::Search, Owner::Study] {
                own.check(place.path()).unwrap();
            }
            for file in files {
                let file = place.path().join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, "{}").unwrap();
            }
            for own in [Owner::Run, Owner::Search, Owner::Study] {
                let told = own.check(place.path()).map_err(|error| error.to_string());
                match own == held {
                    true => told.unwrap(),
                    false => assert!(told.unwrap_err().contains(&format!("holds {held}, which no {}", own.word()))),
                }
            }
        }
    }

    #[test]
    fn files_of_the_user_are_nobodys() {
        let place = tempfile::tempdir().unwrap();
        for name in ["config.toml", "study.toml", "notes.txt"] {
            std::fs::write(place.path().join(name), "mine").unwrap();
        }
        for own in [Owner::Run, Owner::Search, Owner::Study] {
            own.check(place.path()).unwrap();
        }
    }
}
