//! What options about the data take: each is read from and written as a word or a few.

use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::columnar::Frame;
use super::source::STDIN;
use super::text::{list, parse_list};
use crate::error::{Error, Result};
use crate::files;
use crate::words::words;

/// Where the rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// Hourly weather at three New York airports, in the program itself. Written `embedded`.
    #[default]
    Embedded,
    /// A CSV file or, with the feature `parquet`, a Parquet or Arrow file, known by its first bytes; also packed by gzip. `-` is
    /// the standard input.
    File(PathBuf),
    /// A data frame in memory. Written `frame`; read from that word, it is only named.
    Frame(Frame),
}

impl Source {
    /// Whether it is the standard input, which can be read once.
    #[must_use]
    pub fn is_stdin(&self) -> bool {
        matches!(self, Source::File(path) if path == Path::new(STDIN))
    }

    /// Rejects a file that cannot be opened, where an option other than `data` names it.
    pub(crate) fn check_named_by(&self, option: &str) -> Result<()> {
        let Some(path) = self.file() else { return Ok(()) };
        let readable = || match std::fs::metadata(path)?.is_dir() {
            true => Err(ErrorKind::IsADirectory.into()),
            // A pipe is read once.
            false if files::is_no_file(path) => Ok(()),
            false => File::open(path).map(drop),
        };
        readable().map_err(Error::io(path, format!("‹{option}› takes a data file that can be read")))
    }

    /// The file, of a source that is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Source::File(path) if !self.is_stdin() => Some(path),
            Source::File(_) | Source::Embedded | Source::Frame(_) => None,
        }
    }
}

impl FromStr for Source {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "embedded" => Source::Embedded,
            Frame::WORD => Source::Frame(Frame::default()),
            file => Source::File(file.into()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Embedded => f.write_str("embedded"),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Frame(_) => f.write_str(Frame::WORD),
        }
    }
}

/// Input columns that are not forecast.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Covariates {
    #[default]
    /// No past covariates.
    None,
    /// Every other numeric column that is no future covariate.
    All,
    /// These columns.
    Names(Vec<String>),
}

impl FromStr for Covariates {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Ok(match text.trim() {
            "none" | "" => Covariates::None,
            "all" => Covariates::All,
            names => Covariates::Names(parse_list(names)),
        })
    }
}

impl fmt::Display for Covariates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Covariates::None => f.write_str("none"),
            Covariates::All => f.write_str("all"),
            Covariates::Names(names) => f.write_str(&list(names)),
        }
    }
}

/// How the rows of each series are split, in time order, into train, validation and test.
#[derive(Debug, Clone, PartialEq)]
pub enum Split {
    /// Of n rows: train = floor(f₀·n), test = the last floor(f₂·n), validation between.
    Fractions([f64; 3]),
    /// TRAIN_END, VAL_END, TEST_END: rows of each series before these counts.
    Rows([usize; 3]),
    /// The same as times, each the first that no longer belongs; without a third, the test rows run to the end.
    Times(Vec<String>),
}

/// Rows at the end of each series, as Nixtla's `val_size` and `test_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub validation: usize,
    pub test: usize,
}

const SPLIT_HELP: &str = "three fractions (0.7,0.1,0.2), three row borders TRAIN_END,VAL_END,TEST_END \
     (8640,11520,14400), or two or three times (2013-09-01,2013-11-01)";

impl Default for Split {
    fn default() -> Self {
        Split::Fractions([0.7, 0.1, 0.2])
    }
}

impl Split {
    pub(super) fn check(&self) -> Result<()> {
        let reject = |problem: String| Err(Error::config("split", problem, SPLIT_HELP));
        match self {
            Split::Fractions(f) if f.iter().any(|f| !(*f > 0.0 && *f < 1.0)) => Err(Error::config(
                "split",
                format!("{self}: each fraction must lie between 0 and 1"),
                format!("{SPLIT_HELP}; a part is left out by ‹test-size 0› or ‹val-size 0›"),
            )),
            Split::Fractions(f) if f.iter().sum::<f64>() > 1.0 + 1e-9 => {
                reject(format!("{self}: the fractions sum to {}, more than 1", f.iter().sum::<f64>()))
            }
            Split::Rows([a, b, c]) if !(0 < *a && a < b && b < c) => {
                reject(format!("{self}: the row borders must rise"))
            }
            Split::Times(times) if !(2..=3).contains(&times.len()) => {
                reject(format!("{self}: {} times given", times.len()))
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for Split {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let reject = |problem: String| Error::config("split", format!("`{text}`: {problem}"), SPLIT_HELP);
        let parts = parse_list(text);
        let numbers: Vec<f64> = parts.iter().filter_map(|part| part.parse().ok()).collect();
        let split = if numbers.is_empty() {
            Split::Times(parts)
        } else if numbers.len() < parts.len() {
            return Err(reject("numbers and times mixed".into()));
        } else {
            let Ok(three) = <[f64; 3]>::try_from(numbers) else {
                return Err(reject(format!("{} numbers given", parts.len())));
            };
            if three.iter().all(|v| *v <= 1.0) {
                Split::Fractions(three)
            } else if three.iter().all(|v| *v >= 1.0 && v.fract() == 0.0 && *v < u32::MAX as f64) {
                Split::Rows(three.map(|v| v as usize))
            } else {
                return Err(reject("neither all fractions (≤ 1) nor all row borders (whole, 1 or more)".into()));
            }
        };
        split.check()?;
        Ok(split)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = match self {
            Split::Fractions(values) => values.iter().map(f64::to_string).collect(),
            Split::Rows(values) => values.iter().map(usize::to_string).collect(),
            Split::Times(values) => values.clone(),
        };
        f.write_str(&parts.join(","))
    }
}

/// What a row of a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// The values of one time.
    #[default]
    Columns,
    /// A series: ids, then its values, one column per time.
    Rows,
}
words!(Layout, "layout", Layout::Columns = "columns", Layout::Rows = "rows");

/// Whose training rows a scaler sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Each series its own mean and standard deviation.
    #[default]
    Series,
    /// One mean and standard deviation per column, over all series.
    Global,
    /// The same, and a model normalises each window by its own look-back, so that it forecasts series that it never saw.
    Window,
}
words!(Scale, "scale", Scale::Series = "series", Scale::Global = "global", Scale::Window = "window");

/// What becomes of series that are too short for a window, and of targets that have no value in the rows that scale them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShortSeries {
    /// Left out, counted and named.
    #[default]
    Skip,
    /// Windows may begin before a series' first row. There every value column has the value of the first row, and calendar
    /// columns are 0. At least the last input row is a row of the series.
    Pad,
    /// Rejected.
    Error,
}
words!(ShortSeries, "short-series", ShortSeries::Skip = "skip", ShortSeries::Pad = "pad", ShortSeries::Error = "error");

/// What an input takes where the file has no value. No policy reads the future: there is no interpolation, because
/// the value after the hole would enter inputs before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Impute {
    /// Reject, naming the line.
    #[default]
    Error,
    /// The last seen value of the same series.
    Ffill,
    /// The mean of the training rows.
    Mean,
}
words!(Impute, "impute", Impute::Error = "error", Impute::Ffill = "ffill", Impute::Mean = "mean");

/// What to do where a time that the sampling step promises is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gaps {
    /// Count and report; windows run over the rows that are there.
    #[default]
    Notice,
    /// Reject, naming the line.
    Error,
    /// Insert the absent rows as missing; inputs are then imputed, targets masked.
    Fill,
    /// No window spans a gap.
    Skip,
}
words!(Gaps, "gaps", Gaps::Notice = "notice", Gaps::Error = "error", Gaps::Fill = "fill", Gaps::Skip = "skip");

/// What a time without a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FillMissing {
    /// A gap: see [`Gaps`].
    #[default]
    None,
    /// Nothing sold: the targets are 0, in every series from the panel's first time to its last, and count in loss and scores.
    Zero,
}
words!(FillMissing, "fill-missing", FillMissing::None = "none", FillMissing::Zero = "zero");

/// The k-th, from 1, of K consecutive periods into which the test rows are cut. Training and validation end later for
/// each; validation keeps its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// k, from 1.
    pub number: usize,
    /// K.
    pub of: usize,
}

impl FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('/').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
        match parsed {
            Some((number, of)) if 1 <= number && number <= of => Ok(Origin { number, of }),
            _ => Err(Error::config("origin", format!("{text:?} is no K-th of N"), "write 2/3 for the second of three")),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}
