//! `results.csv`: a row per model trained and setting scored, appended cell by cell. A cell counts only when all its rows
//! are whole: a torn tail is dropped, and the cell is repeated. Rows of another study or other data are rejected.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::FILES;
use super::grid::{GridCell, cells};
use super::row::ResultRow;
use super::study::Study;
use crate::error::{Error, Result};
use crate::files::{append, replace};

/// What a study's rows are checked against.
#[derive(Debug, Clone)]
pub struct Expected {
    hash: String,
    horizon: usize,
    /// SHA-256 of each data set's file.
    data: BTreeMap<String, String>,
    grid: Vec<GridCell>,
    /// Method, setting and seed of each row of a cell, in order.
    models: Vec<(String, String, u32)>,
}

impl Expected {
    /// `data`: the SHA-256 of each data set's file.
    ///
    /// # Errors
    /// Where a setting of the study is unsound.
    pub fn of(study: &Study, data: &BTreeMap<String, String>) -> Result<Expected> {
        let settings = study.settings()?;
        let row = |seed: u32| settings.iter().map(move |one| (one.name.clone(), one.text.clone(), seed));
        Ok(Expected {
            hash: study.hash(),
            horizon: study.horizon(),
            data: data.clone(),
            grid: cells(study),
            models: study.seeds.iter().flat_map(|seed| row(*seed)).collect(),
        })
    }

    /// How a row differs from every row of the study.
    fn rejection(&self, row: &ResultRow) -> Option<String> {
        let cell = &row.cell;
        let differs =
            |what: &str, found: &str, wanted: &str| Some(format!("{what} is {found}, the study's is {wanted}"));
        if row.study_hash != self.hash {
            return differs("study_hash", &row.study_hash, &self.hash);
        }
        if !self.grid.contains(cell) {
            return Some(format!("the study has no cell {}", cell.id()));
        }
        if row.horizon != self.horizon {
            return differs("horizon", &row.horizon.to_string(), &self.horizon.to_string());
        }
        let data = self.data.get(&cell.data).map_or("not known", String::as_str);
        if row.data_fingerprint != data {
            return differs(&format!("data_fingerprint of `{}`", cell.data), &row.data_fingerprint, data);
        }
        if !self.models.contains(&(row.method.clone(), row.setting.clone(), row.seed)) {
            let what = format!("{} {}", row.method, row.setting);
            return Some(format!("the study has no `{}` of seed {}", what.trim(), row.seed));
        }
        None
    }
}

/// The rows of a study's folder, by cell.
#[derive(Debug)]
pub struct Results {
    file: PathBuf,
    grid: Vec<GridCell>,
    cells: BTreeMap<GridCell, Vec<ResultRow>>,
}

fn encode(rows: &[ResultRow]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let broken = |error: csv::Error| Error::io("results.csv", FILES)(std::io::Error::other(error.to_string()));
    rows.iter().try_for_each(|row| writer.write_record(row.fields()).map_err(broken))?;
    writer.into_inner().map_err(|error| Error::io("results.csv", FILES)(std::io::Error::other(error.to_string())))
}

impl Results {
    /// Reads the rows, and removes torn or incomplete cells and those that `lost` names from the file. For the one
    /// process that works in the folder.
    pub fn open(folder: &Path, expected: &Expected, lost: impl Fn(&GridCell) -> bool) -> Result<Results> {
        let mut results = Results::read(folder, expected)?;
        results.cells.retain(|cell, _| !lost(cell));
        let text = results.text()?;
        if std::fs::read(&results.file).is_ok_and(|found| found == text) {
            return Ok(results);
        }
        replace(&results.file, &text)?;
        Ok(results)
    }

    /// Reads the whole cells; changes nothing.
    pub fn read(folder: &Path, expected: &Expected) -> Result<Results> {
        let file = folder.join("results.csv");
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io(&file, FILES)(error)),
        };
        // A line without an end is torn.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&bytes[..whole]);
        let columns = ResultRow::header();
        // Files of before there were times lack the last column, those of before there were sizes two more, and those of before there were
        // linear paths one more.
        let found: Vec<String> = reader.headers().map_or(Vec::new(), |found| found.iter().map(String::from).collect());
        let known = [0, 1, 3, 4].iter().any(|lacking| found == columns[..columns.len() - lacking]);
        if whole > 0 && !known {
            let help = "choose another ‹out›, or use the version of microglia that wrote it";
            return Err(Error::config("out", format!("{} has other columns", file.display()), help));
        }
        let reject = |line: u64, problem: String| {
            let help = "the file was changed or holds another study's rows: restore it, or choose another ‹out›";
            Err(Error::config("out", format!("{}:{line}: {problem}", file.display()), help))
        };
        let mut seen = HashSet::new();
        let mut cells: BTreeMap<GridCell, Vec<ResultRow>> = BTreeMap::new();
        for record in reader.records().filter_map(|record| record.ok()) {
            let line = record.position().map_or(0, csv::Position::line);
            let Some(row) = ResultRow::parse(&record).filter(|_| record.len() == found.len()) else { continue };
            if let Some(problem) = expected.rejection(&row) {
                return reject(line, problem);
            }
            if !seen.insert(row.key()) {
                return reject(line, format!("seed {} of `{}` in cell {} again", row.seed, row.method, row.cell.id()));
            }
            cells.entry(row.cell.clone()).or_default().push(row);
        }
        cells.retain(|_, rows| rows.len() == expected.models.len());
        Ok(Results { file, grid: expected.grid.clone(), cells })
    }

    /// The file's text: whole cells in the grid's order.
    fn text(&self) -> Result<Vec<u8>> {
        let mut text = (ResultRow::header().join(",") + "\n").into_bytes();
        for (_, rows) in self.cells() {
            text.extend(encode(rows)?);
        }
        Ok(text)
    }

    /// Joins parts to these, and writes all. No cell may be in two parts; one that is here already must be the same.
    pub fn join(&mut self, parts: Vec<Results>) -> Result<()> {
        let mut places: BTreeMap<GridCell, PathBuf> = BTreeMap::new();
        for part in parts {
            for (cell, rows) in part.cells {
                if let Some(other) = places.insert(cell.clone(), part.file.clone()) {
                    let problem =
                        format!("cell {} is in {} and in {}", cell.id(), other.display(), part.file.display());
                    return Err(Error::config("merge", problem, "name each part once; parts must not overlap"));
                }
                let found = self.cells.get(&cell).map(|found| encode(found)).transpose()?;
                if found.is_some_and(|found| encode(&rows).is_ok_and(|rows| rows != found)) {
                    let problem = format!(
                        "cell {} is in {} already, with other rows than in {}",
                        cell.id(),
                        self.file.display(),
                        part.file.display()
                    );
                    return Err(Error::config("merge", problem, "choose another ‹out›"));
                }
                self.cells.insert(cell, rows);
            }
        }
        let missing: Vec<String> = self.grid.iter().filter(|cell| !self.holds(cell)).map(GridCell::id).collect();
        if let Some(first) = missing.first() {
            let problem = format!("{} of {} cells are missing, {first} the first", missing.len(), self.grid.len());
            return Err(Error::config("merge", problem, "name every part, and let each end first"));
        }
        replace(&self.file, &self.text()?)
    }

    /// Whether a cell is done.
    pub fn holds(&self, cell: &GridCell) -> bool {
        self.cells.contains_key(cell)
    }

    /// All rows, in the order of the grid.
    pub fn rows(&self) -> impl Iterator<Item = &ResultRow> {
        self.cells().flat_map(|(_, rows)| rows)
    }

    /// Whole cells in the grid's order.
    pub fn cells(&self) -> impl Iterator<Item = (&GridCell, &Vec<ResultRow>)> {
        self.grid.iter().filter_map(|cell| Some((cell, self.cells.get(cell)?)))
    }

    /// Cells of which no model stayed finite.
    pub fn failed(&self) -> Vec<String> {
        self.cells()
            .filter(|(_, rows)| rows.iter().all(|row| row.diverged.is_some()))
            .map(|(cell, _)| cell.id())
            .collect()
    }

    /// Adds a whole cell, and waits until the disk has it. The file keeps the grid's order, whichever cell was done first.
    pub fn append(&mut self, cell: &GridCell, rows: Vec<ResultRow>) -> Result<()> {
        let later = self.grid.iter().skip_while(|one| *one != cell).skip(1).any(|one| self.holds(one));
        let bytes = encode(&rows)?;
        self.cells.insert(cell.clone(), rows);
        if later {
            return replace(&self.file, &self.text()?);
        }
        append(&self.file, &bytes, FILES)
    }
}
