//! The cells of a time column → each row's [`Timestamp`].

use chrono::NaiveDate;

use super::cells::Cells;
use super::chunks;
use super::table::CsvTable;
use super::time::{ROW_NUMBERS_END, SECOND, TimeKind, Timestamp};
use super::time_text::{DateForm, Written, parse_compact, parse_format, parse_written};
use super::writing;
use crate::error::{Error, Result, Text};

/// Names of columns whose whole numbers are years.
const YEAR_NAMES: [&str; 10] = ["year", "years", "yr", "jahr", "année", "annee", "año", "anno", "ano", "jaar"];

/// Advice for what stands below the data.
const TOTAL_HELP: &str = "remove the row if it is a total or a note below the data";

/// What is said of years of two digits.
const SHORT_YEARS: &str = "two-digit years from 1969 to 2068";

pub(super) const FORMAT_HELP: &str = "‹time-format› gives the form, as in '%d/%m/%Y %H:%M'";

/// Whether a column of this name holds years, if it holds whole numbers.
pub(super) fn is_years(name: &str) -> bool {
    YEAR_NAMES.contains(&name.to_lowercase().as_str())
}

/// Whether a text is a year of four digits.
pub(super) fn is_year(text: &str) -> bool {
    text.parse().is_ok_and(|year: i64| (1000..3000).contains(&year))
}

/// A number in the column of times.
#[derive(Clone, Copy)]
pub(super) struct Number {
    whole: i64,
    pub(super) millionths: i64,
}

impl Number {
    /// A whole number, or one with a decimal point that is not negative.
    pub(super) fn read(text: &str) -> Option<Number> {
        let Some((whole, fraction)) = text.split_once('.') else {
            return Some(Number { whole: text.parse().ok()?, millionths: 0 });
        };
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let millionths = format!("{fraction:0<6}")[..6].parse().ok()?;
        Some(Number { whole: whole.parse().ok()?, millionths })
    }
}

/// Times, what they count, whether the day comes first, and how they were read.
pub(super) type Read = (Vec<Timestamp>, TimeKind, Option<bool>, String);

pub(super) struct Reader<'a> {
    pub(super) table: &'a CsvTable,
    pub(super) cells: &'a Cells<'a>,
    pub(super) columns: &'a [usize],
    /// Whether the day came first in training.
    pub(super) trained: Option<bool>,
}

impl Reader<'_> {
    /// The row's text, several columns joined by a blank.
    pub(super) fn text(&self, row: usize) -> Result<String> {
        let mut text = String::new();
        for &column in self.columns {
            if self.cells.missing(row, column) {
                let help = format!("every row needs its time: correct the row, or {TOTAL_HELP}");
                return Err(Error::data(self.table.place(row, column), "no time", help));
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&self.table.text(row, column));
        }
        Ok(text)
    }

    fn reject(&self, row: usize, problem: impl Into<Text>, help: impl Into<Text>) -> Error {
        let mut place = self.table.place(row, self.columns[0]);
        let names: Vec<String> = self.columns.iter().map(|column| self.table.header.name(*column)).collect();
        let values: Vec<_> = self.columns.iter().map(|column| self.table.text(row, *column)).collect();
        place.column = Some(names.join("+"));
        place.value = Some(values.join(" "));
        Error::data(place, problem, help)
    }

    pub(super) fn by_format(&self, format: &str) -> Result<Read> {
        use chrono::format::{Item, StrftimeItems};
        if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
            let help = "strptime syntax: %Y %m %d %H %M %S %z, %j day of year, %q quarter, %b month name, %p AM/PM";
            return Err(Error::config("time-format", format!("`{format}` is not understood"), help));
        }
        let read = |row| {
            parse_format(&self.text(row)?, format)
                .map_err(|why| self.reject(row, format!("does not fit the time format `{format}`: {why}"), FORMAT_HELP))
        };
        let (stamps, zoned): (Vec<Timestamp>, Vec<bool>) = chunks::values(self.table.rows(), read)?.into_iter().unzip();
        let any_zoned = zoned.contains(&true);
        Ok((stamps, TimeKind::Clock { zoned: any_zoned }, writing::day_first(format), format!("as `{format}`")))
    }

    /// Year, month, … as whole numbers in columns of their own.
    pub(super) fn is_parts(&self) -> bool {
        let number = |column: &usize| self.table.text(0, *column).parse::<u32>().ok();
        self.columns.len() >= 2
            && self.columns.iter().all(|column| number(column).is_some())
            && number(&self.columns[0]).is_some_and(|year| (1000..=9999).contains(&year))
    }

    pub(super) fn parts(&self) -> Result<Read> {
        if self.columns.len() > 6 {
            let help = "year+month[+day[+hour[+minute[+second]]]]";
            return Err(Error::config("time-column", format!("{} parts", self.columns.len()), help));
        }
        let mut stamps = Vec::with_capacity(self.table.rows());
        for row in 0..self.table.rows() {
            self.text(row)?;
            let mut parts = [0, 1, 1, 0, 0, 0];
            for (part, column) in parts.iter_mut().zip(self.columns) {
                *part = self.table.text(row, *column).parse::<u32>().map_err(|_| {
                    Error::data(
                        self.table.place(row, *column),
                        "not a whole number, as a part of the time",
                        FORMAT_HELP,
                    )
                })?;
            }
            let [year, month, day, hour, minute, second] = parts;
            let clock = parse_written(&format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"));
            let stamp = clock.and_then(|written| written.timestamp(false));
            stamps.push(stamp.ok_or_else(|| self.reject(row, "no such date", "correct the row"))?);
        }
        Ok((stamps, TimeKind::Clock { zoned: false }, None, "year, month, … in columns of their own".into()))
    }

    /// The one column, and all its rows as numbers, if they all are.
    ///
    /// # Errors
    /// A text where most rows are numbers.
    pub(super) fn numbers(&self) -> Result<Option<(usize, Vec<Number>)>> {
        let &[column] = self.columns else { return Ok(None) };
        let read = |row| Number::read(&self.table.text(row, column));
        // Of each chunk its first text, and how many rows are texts.
        let texts = chunks::of_rows(self.table.rows(), |mut chunk| {
            let count = chunk.clone().filter(|row| read(*row).is_none()).count();
            Ok((chunk.find(|row| count > 0 && read(*row).is_none()), count))
        })?;
        let count: usize = texts.iter().map(|(_, count)| count).sum();
        match texts.iter().find_map(|(first, _)| *first) {
            None => Ok((0..self.table.rows()).map(read).collect::<Option<Vec<_>>>().map(|numbers| (column, numbers))),
            Some(row) if self.table.rows() > 2 * count => {
                // A row without a time has an error of its own.
                self.text(row)?;
                let help = format!("correct the row, or {TOTAL_HELP}");
                Err(self.reject(row, "not a number, as the other times are", help))
            }
            Some(_) => Ok(None),
        }
    }

    pub(super) fn texts(&self) -> Result<Read> {
        let first = self.written(0)?;
        let zoned = first.offset.is_some();
        let alike = |row| {
            let written = self.written(row)?;
            self.check_alike(row, &written, &first).map(|()| written)
        };
        let day = |row, written: &Written, day_first| {
            written.timestamp(day_first).ok_or_else(|| self.reject(row, "no such day", "correct the row"))
        };
        if first.form == DateForm::Plain {
            // Each says all by itself.
            let read = |row| alike(row).and_then(|written| Ok((day(row, &written, false)?, written.short_year)));
            let (stamps, short): (Vec<Timestamp>, Vec<bool>) =
                chunks::values(self.table.rows(), read)?.into_iter().unzip();
            let reading = if short.contains(&true) { SHORT_YEARS.into() } else { String::new() };
            return Ok((stamps, TimeKind::Clock { zoned }, None, reading));
        }
        let all = chunks::values(self.table.rows(), alike)?;
        let (day_first, mut reading) = self.day_first(&all)?;
        if all.iter().any(|written| written.short_year) {
            self.check_short_years(&all)?;
            reading += ", ";
            reading += SHORT_YEARS;
        }
        let stamp = |row: usize| day(row, &all[row], day_first == Some(true));
        let stamps = chunks::values(all.len(), stamp)?;
        Ok((stamps, TimeKind::Clock { zoned }, day_first, reading))
    }

    /// A row's time as its text says it.
    fn written(&self, row: usize) -> Result<Written> {
        parse_written(&self.text(row)?).ok_or_else(|| {
            let total = if row > 0 { format!("; {TOTAL_HELP}") } else { String::new() };
            self.reject(row, "not a time in a known form", format!("{FORMAT_HELP}{total}"))
        })
    }

    /// Rejects a time in another form than the first.
    fn check_alike(&self, row: usize, written: &Written, first: &Written) -> Result<()> {
        let other = || self.table.called(0);
        if first.form != written.form {
            let problem = format!("the date is written in another form than in {}", other());
            return Err(self.reject(row, problem, "write all times in one form"));
        }
        if first.offset.is_some() != written.offset.is_some() {
            let problem = match first.offset {
                Some(_) => format!("{} has a UTC offset, but this row has none", other()),
                None => format!("{} has no UTC offset, but this row has one", other()),
            };
            return Err(self.reject(row, problem, "write all times with an offset (Z, +01:00) or all without"));
        }
        Ok(())
    }

    /// Rejects dates of three short numbers of which the last one changes most often: the year may come first.
    fn check_short_years(&self, all: &[Written]) -> Result<()> {
        let changes = |of: fn(&Written) -> i64| all.windows(2).filter(|pair| of(&pair[0]) != of(&pair[1])).count();
        let [first, second, year] =
            [changes(|one| one.first.into()), changes(|one| one.second.into()), changes(|one| one.year.into())];
        if year <= first.max(second) {
            return Ok(());
        }
        let help = "‹time-format› '%d/%m/%y', '%m/%d/%y' or '%y/%m/%d' decides";
        Err(self.reject(0, "the year may come first or last: the last number changes most often", help))
    }

    /// A number above 12 can only be a day. Without one both orders fit: that of training is taken, or the file is rejected.
    fn day_first(&self, all: &[Written]) -> Result<(Option<bool>, String)> {
        let first = all.iter().position(|written| written.first > 12);
        let second = all.iter().position(|written| written.second > 12);
        match (first, second) {
            (Some(row), None) => Ok((Some(true), format!("day before month, by {}", self.table.called(row)))),
            (None, Some(row)) => Ok((Some(false), format!("month before day, by {}", self.table.called(row)))),
            (Some(a), Some(b)) => {
                let problem = format!("day before month here, month before day in {}", self.table.called(a.min(b)));
                Err(self.reject(a.max(b), problem, "write all dates in one form"))
            }
            (None, None) if let Some(day_first) = self.trained => {
                let order = if day_first { "day before month" } else { "month before day" };
                Ok((Some(day_first), format!("{order}, as in training: no row has a number above 12")))
            }
            (None, None) => {
                let help = "‹time-format› '%d/%m/%Y' or '%m/%d/%Y' (with %H:%M and so on as written) decides";
                Err(self.reject(0, "the day or the month may come first: no row has a number above 12", help))
            }
        }
    }
}

/// Dates without marks, years, seconds (milli-, micro-, nano-) since 1970, or row numbers: by what all the numbers can be.
pub(super) fn whole_numbers(reader: &Reader, column: usize, numbers: &[Number]) -> Result<Read> {
    let clock = TimeKind::Clock { zoned: false };
    let compact = |row: usize| parse_compact(&reader.table.text(row, column));
    if let Some(stamps) = (0..numbers.len()).map(compact).collect::<Option<Vec<_>>>() {
        return Ok((stamps, clock, None, "dates without marks".into()));
    }
    let year = |number: &Number| {
        let first = NaiveDate::from_ymd_opt(number.whole as i32, 1, 1)?;
        let is_year = (1000..3000).contains(&number.whole) && number.millionths == 0;
        is_year.then(|| Timestamp::from_clock(first, 0, 0))
    };
    if is_years(&reader.table.header.names[column])
        && let Some(stamps) = numbers.iter().map(year).collect::<Option<Vec<_>>>()
    {
        return Ok((stamps, clock, None, "years".into()));
    }
    // Seconds from 1973 on; each finer unit has 1000 times the numbers.
    let mut first = ROW_NUMBERS_END as i64;
    for (unit, to_micros) in [
        ("seconds", (|n| n.whole * SECOND + n.millionths) as fn(&Number) -> i64),
        ("milliseconds", |n| n.whole * 1000 + n.millionths / 1000),
        ("microseconds", |n| n.whole),
        ("nanoseconds", |n| n.whole / 1000),
    ] {
        if numbers.iter().all(|n| (first..first.saturating_mul(1000)).contains(&n.whole)) {
            let stamps = numbers.iter().map(|n| Timestamp { instant: to_micros(n), offset: 0 }).collect();
            return Ok((stamps, clock, None, format!("{unit} since 1970")));
        }
        first = first.saturating_mul(1000);
    }
    let fits = |n: &Number| n.whole.unsigned_abs() < ROW_NUMBERS_END && n.millionths == 0;
    if let Some(row) = numbers.iter().position(|n| !fits(n)) {
        return Err(reader.reject(
            row,
            "neither a row number nor, with the other rows, seconds since 1970",
            FORMAT_HELP,
        ));
    }
    let stamps = numbers.iter().map(|n| Timestamp { instant: n.whole, offset: 0 }).collect();
    Ok((stamps, TimeKind::RowNumbers, None, "row numbers".into()))
}
