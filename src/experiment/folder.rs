//! A study's folder: its settings, its data's hashes and its results so far. One process at a time works in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cell::Extras;
use super::grid::GridCell;
use super::results::{Expected, Results};
use super::study::Study;
use super::{FILES, PREDICTIONS};
use crate::error::{Error, Result};
use crate::files::{self, Input, replace};
use crate::runs::Owner;

/// What must be the same for a study to continue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file.
    pub format_version: u32,
    /// See [`Study::hash`].
    pub study_hash: String,
    /// SHA-256 of each data set's file.
    pub data: BTreeMap<String, String>,
    /// The microglia that wrote it.
    pub version: String,
}

/// A study's folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held while the folder is in use. The system frees it, however the process ends.
    _lock: files::Lock,
}

impl Folder {
    /// Opens a study's folder, or makes it. Rejects a folder of another study or of other data; the error names the difference.
    pub fn open(path: &Path, study: &Study, data: &BTreeMap<String, String>, analysis_plan: &str) -> Result<Folder> {
        check_apart(path, study, Vec::new())?;
        reject_foreign(path, study)?;
        std::fs::create_dir_all(path.join("cells")).map_err(Error::io(path, FILES))?;
        let folder = Folder { path: path.to_path_buf(), _lock: lock(path)? };
        files::remove_partials(path)?;
        files::remove_partials(&path.join("cells"))?;
        let manifest = Manifest {
            format_version: FORMAT,
            study_hash: study.hash(),
            data: data.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
        };
        match folder.manifest()? {
            None => {
                // The analysis plan is written before anything is trained.
                replace(&path.join("analysis-plan.md"), analysis_plan.as_bytes())?;
                let text = format!("# microglia experiment --config <this file>\n\n{}", study.to_toml());
                if !path.join("study.toml").exists() {
                    replace(&path.join("study.toml"), text.as_bytes())?;
                }
                replace(&path.join("manifest.json"), json(&manifest)?.as_bytes())?;
            }
            Some(found) => folder.reject_other(study, &found, &manifest)?,
        }
        Ok(folder)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn manifest(&self) -> Result<Option<Manifest>> {
        manifest(&self.path)
    }

    fn reject_other(&self, study: &Study, found: &Manifest, asked: &Manifest) -> Result<()> {
        let help = "choose another ‹out›, or ask for what the folder holds";
        if found.study_hash != asked.study_hash {
            let before = read_study(&self.path)?;
            let differences = differences(&before.placeless(), &study.placeless())?;
            let place = self.path.display();
            return Err(Error::config("out", format!("{place} holds another study: {}", differences.join("; ")), help));
        }
        for (name, fingerprint) in &asked.data {
            let before = found.data.get(name);
            if before != Some(fingerprint) {
                let before = before.map_or("none", String::as_str);
                let problem = format!(
                    "data set `{name}` has changed since the study in {} began: SHA-256 was {before}, is {fingerprint}",
                    self.path.display()
                );
                return Err(Error::config("data", problem, help));
            }
        }
        Ok(())
    }

    /// Writes what the report needs of a cell. It is written before the cell's rows, which make the cell count.
    pub fn save_extras(&self, extras: &Extras) -> Result<()> {
        replace(&extras_file(&self.path, &extras.cell), json(extras)?.as_bytes())
    }

    /// Keeps a cell's forecasts, a CSV file.
    pub fn save_predictions(&self, cell: &GridCell, bytes: &[u8]) -> Result<()> {
        let place = self.path.join(PREDICTIONS);
        std::fs::create_dir_all(&place).map_err(Error::io(&place, FILES))?;
        replace(&predictions_file(&self.path, cell), bytes)
    }

    /// Whether a cell's test forecasts were kept.
    pub fn has_predictions(&self, cell: &GridCell) -> bool {
        predictions_file(&self.path, cell).exists()
    }

    /// Whether what the report needs of a cell is missing or torn.
    pub fn lacks_extras(&self, cell: &GridCell) -> bool {
        read_one(&self.path, cell).is_err()
    }
}

/// Rejects a folder in which the study would write over its data, or over another file of `read`.
///
/// # Errors
/// Names both.
pub fn check_apart(path: &Path, study: &Study, read: Vec<Input>) -> Result<()> {
    let own = WRITTEN.into_iter().map(|name| path.join(name)).chain(files::partials(path));
    let inner = ["cells", PREDICTIONS].into_iter().flat_map(|inner| files::of_folder(&path.join(inner)));
    let data = study.data.iter().flat_map(|(name, options)| {
        let named = move |key: String| if key == "data" { key } else { format!("data.{name}.{key}") };
        options.inputs().into_iter().map(move |(key, file)| (named(key), file))
    });
    files::check_apart(own.chain(inner).map(|file| ("out", file)), data.chain(read))
}

/// What a study writes. Its settings stay if they are there: they are its own, or the folder is rejected.
const WRITTEN: [&str; 5] = ["analysis-plan.md", "manifest.json", "results.csv", "report.html", "report.md"];

/// Rejects a folder that is not a study's, but holds files with the names that a study writes.
fn reject_foreign(path: &Path, study: &Study) -> Result<()> {
    // A manifest identifies the study. Without one, `study.toml` does: it is written before any result.
    let same = || -> Result<bool> { Ok(read_study(path)?.hash() == study.hash()) };
    if path.join("manifest.json").exists() || path.join("study.toml").exists() && same()? {
        return Ok(());
    }
    Owner::Study.check(path)?;
    for name in ["study.toml", "results.csv", "report.html", "report.md"] {
        let file = path.join(name);
        if file.exists() {
            let problem = format!("{}: is there already, and is not of this study", file.display());
            return Err(Error::config("out", problem, "choose another ‹out›, or move the file away"));
        }
    }
    Ok(())
}

/// Of a study's folder.
const FORMAT: u32 = 1;

fn extras_file(folder: &Path, cell: &GridCell) -> PathBuf {
    folder.join("cells").join(format!("{}.json", cell.id()))
}

fn predictions_file(folder: &Path, cell: &GridCell) -> PathBuf {
    folder.join(PREDICTIONS).join(format!("{}.csv", cell.id()))
}

fn lock(path: &Path) -> Result<files::Lock> {
    files::lock(path).map_err(Error::io(path.join(files::LOCK), FILES))?.ok_or_else(|| {
        let problem = format!("another process works in {}", path.display());
        Error::config("out", problem, "wait for it, or choose another ‹out›")
    })
}

fn manifest(folder: &Path) -> Result<Option<Manifest>> {
    let file = folder.join("manifest.json");
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(&file, FILES)(error)),
    };
    let found: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
        let help = "remove this one file and run the same study again: it is written anew, and every row of results.csv \
                    is checked against it";
        broken(&file, &error, help)
    })?;
    if found.format_version != FORMAT {
        let problem = format!("format_version is {}, this microglia reads {FORMAT}", found.format_version);
        return Err(broken(&file, &problem, "use the microglia that wrote it, or choose another ‹out›"));
    }
    Ok(Some(found))
}

/// The manifest of a folder that must have one.
fn its_manifest(folder: &Path) -> Result<Manifest> {
    manifest(folder)?.ok_or_else(|| broken(&folder.join("manifest.json"), &"there is none", NO_STUDY))
}

fn broken(file: &Path, error: &dyn std::fmt::Display, help: &str) -> Error {
    Error::config("out", format!("{}: {error}", file.display()), help)
}

const NO_STUDY: &str = "is this the folder of a study?";

fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| Error::config("out", error.to_string(), "please report this"))
}

/// The study of a folder.
pub fn read_study(folder: &Path) -> Result<Study> {
    let file = folder.join("study.toml");
    let text = std::fs::read_to_string(&file).map_err(Error::io(&file, FILES))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| broken(&file, &error, NO_STUDY))?;
    let study = Study::from_table(&Study::default(), &table)?;
    study.check()?;
    Ok(study)
}

/// Rejects what is no study's folder, where an option names one.
pub fn check_study(folder: &Path, option: &str) -> Result<()> {
    let help = "name the folder of a study, which is its ‹out›";
    files::check_folder(option, folder, help)?;
    if folder.join("study.toml").is_file() {
        return Ok(());
    }
    Err(Error::config(option, format!("{} holds no study", folder.display()), help))
}

/// The rows of a folder, checked against its study and data; changes nothing.
pub fn read_results(folder: &Path, study: &Study) -> Result<Results> {
    Results::read(folder, &Expected::of(study, &its_manifest(folder)?.data)?)
}

/// What the report needs of every cell that is done.
pub fn read_extras(folder: &Path, results: &Results) -> Result<Vec<Extras>> {
    results.cells().map(|(cell, _)| read_one(folder, cell)).collect()
}

fn read_one(folder: &Path, cell: &GridCell) -> Result<Extras> {
    let file = extras_file(folder, cell);
    let help = "run the study again: the cell is done anew";
    let bytes = std::fs::read(&file).map_err(Error::io(&file, help))?;
    serde_json::from_slice(&bytes).map_err(|error| broken(&file, &error, help))
}

/// The analysis plan as it was fixed before the first training.
pub fn read_plan(folder: &Path) -> Result<String> {
    let file = folder.join("analysis-plan.md");
    std::fs::read_to_string(&file).map_err(Error::io(&file, FILES))
}

/// Joins parts into one folder: all of one study and data, none overlapping, none missing. A part may hold no cell.
pub fn merge(out: &Path, parts: &[PathBuf]) -> Result<()> {
    let first = parts.first().ok_or_else(|| Error::config("merge", "no part is named", "name two or more folders"))?;
    parts.iter().try_for_each(|part| check_study(part, "merge"))?;
    let study = read_study(first)?;
    let manifest = its_manifest(first)?;
    let expected = Expected::of(&study, &manifest.data)?;
    let mut results = Vec::new();
    for part in parts {
        let found = its_manifest(part)?;
        if found.study_hash != manifest.study_hash {
            let differences = differences(&study.placeless(), &read_study(part)?.placeless())?.join("; ");
            let problem = format!("{} and {} hold different studies: {differences}", first.display(), part.display());
            return Err(Error::config("merge", problem, "merge parts of one study"));
        }
        if found.data != manifest.data {
            let problem = format!("{} and {} saw different data", first.display(), part.display());
            return Err(Error::config("merge", problem, "merge parts that saw the same files"));
        }
        results.push(Results::read(part, &expected)?);
    }
    let folder = Folder::open(out, &study, &manifest.data, &read_plan(first)?)?;
    let mut whole = Results::open(folder.path(), &expected, |cell| folder.lacks_extras(cell))?;
    for (part, results) in parts.iter().zip(&results) {
        for extras in read_extras(part, results)? {
            folder.save_extras(&extras)?;
        }
        for (cell, _) in results.cells() {
            let file = predictions_file(part, cell);
            if file.exists() {
                let bytes = std::fs::read(&file).map_err(Error::io(&file, FILES))?;
                folder.save_predictions(cell, &bytes)?;
            }
        }
    }
    whole.join(results)
}

/// Each key whose value differs.
fn differences(before: &Study, after: &Study) -> Result<Vec<String>> {
    let flat = |study: &Study| -> Result<BTreeMap<String, String>> {
        let table: toml::Table = study.to_toml().parse().unwrap_or_default();
        let mut flat = BTreeMap::new();
        flatten("", &toml::Value::Table(table), &mut flat);
        Ok(flat)
    };
    let (before, after) = (flat(before)?, flat(after)?);
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let shown = |value: Option<&String>| value.cloned().unwrap_or_else(|| "not set".into());
    Ok(keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| format!("{key} was {}, is {}", shown(before.get(key)), shown(after.get(key))))
        .collect())
}

fn flatten(prefix: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, into);
            }
        }
        other => {
            into.insert(prefix.to_string(), other.to_string());
        }
    }
}
