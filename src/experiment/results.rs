//! `results.csv`: a row per model trained and setting scored, appended cell by cell. A cell counts only when all its rows
//! are whole: a torn tail is dropped, and the cell done again.

use std::collections::{BTreeMap, HashSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::FILES;
use super::grid::Cell;
use crate::error::{Error, Result};
use crate::train::checkpoint::replace;
use crate::train::metrics::Metrics;

/// Which weights of a training are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selection {
    /// Rivals: the best validation epoch by patience; pruning: the same from full sparsity on.
    Own,
    /// Every method: the best of the epochs from pruning's full sparsity on.
    Common,
    /// The last epoch's.
    Last,
}

impl Selection {
    pub const ALL: [Selection; 3] = [Selection::Own, Selection::Common, Selection::Last];

    pub fn word(self) -> &'static str {
        ["own", "common", "last"][self as usize]
    }
}

/// MAE, RMSE, MSE and MASE in the data's units, MAE and MSE of scaled values; not a number where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores(pub [f64; 6]);

pub const METRICS: [&str; 6] = ["mae", "rmse", "mse", "mase", "scaled_mae", "scaled_mse"];

impl Scores {
    pub const NONE: Scores = Scores([f64::NAN; 6]);

    pub fn of(metrics: &Metrics) -> Scores {
        let or = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let scaled = metrics.scaled;
        Scores([or(metrics.mae), or(metrics.rmse), or(metrics.mse), or(metrics.mase), scaled.mae, scaled.mse])
    }

    /// The study's outcome: MAE in the data's units; with several targets, whose units differ, of scaled values.
    pub fn mae(&self) -> f64 {
        if self.0[0].is_nan() { self.0[4] } else { self.0[0] }
    }
}

/// One model.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub cell: Cell,
    pub study_hash: String,
    pub data_fingerprint: String,
    pub horizon: usize,
    pub method: String,
    pub setting: String,
    pub seed: u32,
    /// By selection; `None` where there is none.
    pub best_epochs: [Option<usize>; 3],
    /// The epoch in which training ended.
    pub stop_epoch: usize,
    pub sparsity_wanted: Option<f64>,
    pub sparsity: f64,
    pub living_weights: usize,
    /// `[selection][validation, test]`
    pub scores: [[Scores; 2]; 3],
    /// `sound`, or `LEAKING` under the published code's protocol.
    pub protocol: String,
    /// Wall seconds of the run that trained it, shared evenly among its models.
    pub seconds: f64,
    pub device: String,
    /// Of the `own` weights.
    pub weights_sha256: String,
    /// `done`, or `diverged: ` and what happened.
    pub status: String,
}

impl Row {
    pub fn diverged(&self) -> bool {
        self.status != "done"
    }

    pub fn score(&self, selection: Selection, test: bool) -> Scores {
        self.scores[selection as usize][usize::from(test)]
    }

    /// What no two rows share.
    fn key(&self) -> (String, String, String, u32) {
        (self.cell.id(), self.method.clone(), self.setting.clone(), self.seed)
    }

    fn header() -> Vec<String> {
        let fixed = [
            "study_hash",
            "data_fingerprint",
            "data",
            "model",
            "instance_norm",
            "lookback",
            "horizon",
            "width",
            "train_rows",
            "origin",
            "method",
            "setting",
            "seed",
            "best_epoch_own",
            "best_epoch_common",
            "best_epoch_last",
            "stop_epoch",
            "sparsity_wanted",
            "sparsity",
            "living_weights",
        ];
        let mut names: Vec<String> = fixed.map(String::from).to_vec();
        for selection in Selection::ALL {
            for part in ["validation", "test"] {
                names.extend(METRICS.map(|metric| format!("{}_{part}_{metric}", selection.word())));
            }
        }
        names.extend(["protocol", "seconds", "device", "weights_sha256", "status"].map(String::from));
        names
    }

    fn fields(&self) -> Vec<String> {
        let or = |value: Option<String>| value.unwrap_or_default();
        let cell = &self.cell;
        let mut fields = vec![
            self.study_hash.clone(),
            self.data_fingerprint.clone(),
            cell.data.clone(),
            cell.model.clone(),
            cell.instance_norm.clone(),
            cell.lookback.to_string(),
            self.horizon.to_string(),
            cell.width.to_string(),
            cell.train_rows.to_string(),
            cell.origin.to_string(),
            self.method.clone(),
            self.setting.clone(),
            self.seed.to_string(),
        ];
        fields.extend(self.best_epochs.map(|epoch| or(epoch.map(|epoch| epoch.to_string()))));
        fields.extend([
            self.stop_epoch.to_string(),
            or(self.sparsity_wanted.map(|wanted| wanted.to_string())),
            self.sparsity.to_string(),
            self.living_weights.to_string(),
        ]);
        let number = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
        fields.extend(self.scores.iter().flatten().flat_map(|scores| scores.0.map(number)));
        fields.extend([
            self.protocol.clone(),
            format!("{:.3}", self.seconds),
            self.device.clone(),
            self.weights_sha256.clone(),
            self.status.clone(),
        ]);
        fields
    }

    /// `None` where a field is torn.
    fn parse(record: &csv::StringRecord) -> Option<Row> {
        let mut fields = record.iter();
        let mut text = || fields.next().map(str::to_string);
        let (study_hash, data_fingerprint) = (text()?, text()?);
        let (data, model, instance_norm) = (text()?, text()?, text()?);
        let lookback = text()?.parse().ok()?;
        let horizon = text()?.parse().ok()?;
        let (width, train_rows, origin) = (text()?.parse().ok()?, text()?.parse().ok()?, text()?.parse().ok()?);
        let (method, setting, seed) = (text()?, text()?, text()?.parse().ok()?);
        let mut best_epochs = [None; 3];
        for epoch in &mut best_epochs {
            let word = text()?;
            *epoch = if word.is_empty() { None } else { Some(word.parse().ok()?) };
        }
        let stop_epoch = text()?.parse().ok()?;
        let wanted = text()?;
        let sparsity_wanted = if wanted.is_empty() { None } else { Some(wanted.parse().ok()?) };
        let (sparsity, living_weights) = (text()?.parse().ok()?, text()?.parse().ok()?);
        let mut scores = [[Scores::NONE; 2]; 3];
        for value in scores.iter_mut().flatten().flat_map(|scores| &mut scores.0) {
            let word = text()?;
            *value = if word.is_empty() { f64::NAN } else { word.parse().ok()? };
        }
        let protocol = text()?;
        let (seconds, device, weights_sha256, status) = (text()?.parse().ok()?, text()?, text()?, text()?);
        let cell = Cell { data, model, instance_norm, lookback, width, train_rows, origin };
        Some(Row {
            cell,
            study_hash,
            data_fingerprint,
            horizon,
            method,
            setting,
            seed,
            best_epochs,
            stop_epoch,
            sparsity_wanted,
            sparsity,
            living_weights,
            scores,
            protocol,
            seconds,
            device,
            weights_sha256,
            status,
        })
    }
}

/// The rows of a study's folder, by cell.
#[derive(Debug)]
pub struct Results {
    file: PathBuf,
    cells: BTreeMap<Cell, Vec<Row>>,
}

/// What ends every row: a row without it is torn.
fn encode(rows: &[Row]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let broken = |error: csv::Error| Error::io("results.csv", FILES)(std::io::Error::other(error.to_string()));
    rows.iter().try_for_each(|row| writer.write_record(row.fields()).map_err(broken))?;
    writer.into_inner().map_err(|error| Error::io("results.csv", FILES)(std::io::Error::other(error.to_string())))
}

fn header_line() -> String {
    Row::header().join(",") + "\n"
}

impl Results {
    /// Reads what is there, and drops from the file what is torn or in part. For the one process that works in the folder.
    pub fn open(folder: &Path, grid: &[Cell], per_cell: usize) -> Result<Results> {
        let results = Results::read(folder, per_cell)?;
        let text = results.text(grid)?;
        if std::fs::read(&results.file).is_ok_and(|found| found == text) {
            return Ok(results);
        }
        replace(&results.file, &text)?;
        Ok(results)
    }

    /// Reads the whole cells, those of `per_cell` rows; changes nothing.
    pub fn read(folder: &Path, per_cell: usize) -> Result<Results> {
        let file = folder.join("results.csv");
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io(&file, FILES)(error)),
        };
        let mut results = Results { file, cells: BTreeMap::new() };
        let mut whole = bytes.len();
        while whole > 0 && bytes[whole - 1] != b'\n' {
            whole -= 1;
        }
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&bytes[..whole]);
        let columns = Row::header();
        let known = reader.headers().is_ok_and(|found| found.iter().eq(columns.iter().map(String::as_str)));
        if whole > 0 && !known {
            let help = "choose another --out, or use the version of microglia that wrote it";
            return Err(Error::config("out", format!("{} has other columns", results.file.display()), help));
        }
        let mut seen = HashSet::new();
        for record in reader.records().filter_map(|record| record.ok()) {
            if record.len() == columns.len()
                && let Some(row) = Row::parse(&record)
                && seen.insert(row.key())
            {
                results.cells.entry(row.cell.clone()).or_default().push(row);
            }
        }
        results.cells.retain(|_, rows| rows.len() == per_cell);
        Ok(results)
    }

    /// The file's text: whole cells in the grid's order.
    fn text(&self, grid: &[Cell]) -> Result<Vec<u8>> {
        let mut text = header_line().into_bytes();
        for rows in grid.iter().filter_map(|cell| self.cells.get(cell)) {
            text.extend(encode(rows)?);
        }
        Ok(text)
    }

    /// Joins other results' cells to these, none of which may be in both, and writes all in the grid's order.
    pub fn join(&mut self, others: Vec<Results>, grid: &[Cell]) -> Result<()> {
        for other in others {
            for (cell, rows) in other.cells {
                if self.cells.contains_key(&cell) {
                    let problem = format!("cell {} is in {} and in another part", cell.id(), other.file.display());
                    return Err(Error::config("merge", problem, "name each part once; parts must not overlap"));
                }
                self.cells.insert(cell, rows);
            }
        }
        let missing: Vec<String> = grid.iter().filter(|cell| !self.holds(cell)).map(Cell::id).collect();
        if let Some(first) = missing.first() {
            let problem = format!("{} of {} cells are missing, {first} the first", missing.len(), grid.len());
            return Err(Error::config("merge", problem, "name every part, and let each end first"));
        }
        replace(&self.file, &self.text(grid)?)
    }

    pub fn holds(&self, cell: &Cell) -> bool {
        self.cells.contains_key(cell)
    }

    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.cells.values().flatten()
    }

    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &Vec<Row>)> {
        self.cells.iter()
    }

    /// Appends a whole cell, and waits until the disk has it.
    pub fn append(&mut self, cell: &Cell, rows: Vec<Row>) -> Result<()> {
        let bytes = encode(&rows)?;
        let write = || {
            let mut file = OpenOptions::new().append(true).open(&self.file)?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(Error::io(&self.file, FILES))?;
        self.cells.insert(cell.clone(), rows);
        Ok(())
    }
}
