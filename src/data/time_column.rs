//! The time column: which one it is, how its dates are written, and each row's [`Timestamp`].

use super::cells::Cells;
use super::options::DataOptions;
use super::table::CsvTable;
use super::text::delimiter_word;
use super::time::{
    DateForm, ROW_NUMBERS_END, SECOND, TimeKind, Timestamp, Written, parse_compact, parse_format, parse_written,
};
use super::time_form::TimeForm;
use super::times::Times;
use crate::error::{Error, Result, Text};

/// Names that mean the time, in order of preference.
const NAMES: [&str; 11] = [
    "ds",
    "date",
    "datetime",
    "date_time",
    "timestamp",
    "time",
    "time_hour",
    "utc_timestamp",
    "utc_time",
    "index",
    "period",
];

/// Names that mean the year; a column of such a name holds years if its numbers have four digits.
const YEARS: [&str; 7] = ["year", "jahr", "año", "ano", "année", "annee", "anno"];

const FORMAT_HELP: &str = "‹time-format› gives the form, as in '%d/%m/%Y %H:%M'";

/// The columns of a table that hold the time, and what they say.
pub(crate) struct TimeColumn {
    /// CsvTable columns that make up the time.
    pub columns: Vec<usize>,
    /// Of each table row.
    pub times: Times,
}

impl TimeColumn {
    pub(super) fn read(table: &CsvTable, cells: &Cells, options: &DataOptions) -> Result<TimeColumn> {
        let columns = match &options.time_column {
            Some(name) => named(table, name)?,
            None => {
                let columns = detect(table, cells, options)?;
                columns
                    .iter()
                    .try_for_each(|column| table.header.find(&table.header.names[*column], "time-column").map(drop))?;
                columns
            }
        };
        let name = match &options.time_column {
            Some(name) => name.clone(),
            None => columns.iter().map(|column| table.header.name(*column)).collect::<Vec<_>>().join("+"),
        };
        let reader = Reader { table, cells, columns: &columns };
        let format = options.time_format.as_deref();
        let epoch = format == Some("%s");
        let (stamps, kind, day_first, reading) = if let Some(seconds) = reader.decimals().filter(|_| epoch) {
            seconds
        } else if let Some(format) = format {
            reader.by_format(format)?
        } else if reader.is_parts() {
            reader.parts()?
        } else if reader.is_years() {
            reader.by_format("%Y")?
        } else if let Some((column, numbers)) = reader.numbers() {
            whole_numbers(&reader, column, &numbers)?
        } else if let Some(seconds) = reader.decimals() {
            seconds
        } else {
            reader.texts()?
        };
        let text = |row| reader.text(row).unwrap_or_default();
        let form = TimeForm::of(kind, &stamps, text, format, day_first);
        let form = form.unwrap_or_else(|| TimeForm::pandas(kind, &stamps));
        Ok(TimeColumn { columns, times: Times { name, kind, stamps, day_first, reading, form, zone: None } })
    }
}

fn named(table: &CsvTable, name: &str) -> Result<Vec<usize>> {
    if name.contains('+') && table.header.find(name, "time-column")?.is_none() {
        return name.split('+').map(|part| table.header.expect(part.trim(), "time-column")).collect();
    }
    Ok(vec![table.header.expect(name, "time-column")?])
}

/// A column called as times are; date and time in two columns; year, month, day, hour in columns of their own; else the
/// first column whose texts read as times.
fn detect(table: &CsvTable, cells: &Cells, options: &DataOptions) -> Result<Vec<usize>> {
    let called = |name: &str| table.header.names.iter().position(|header| header.eq_ignore_ascii_case(name));
    let filled = |column: usize| (0..table.rows()).filter(move |row| !cells.missing(*row, column)).take(20);
    let reads = |column: usize, with: &dyn Fn(&str) -> bool| {
        filled(column).next().is_some() && filled(column).all(|row| with(&table.text(row, column)))
    };
    let by_format = |text: &str| options.time_format.as_ref().is_some_and(|form| parse_format(text, form).is_ok());
    let is_time = |text: &str| by_format(text) || parse_written(text).is_some();
    let is_number = |text: &str| text.parse::<i64>().is_ok();
    let is_epoch = |text: &str| text.parse::<f64>().is_ok_and(|number| number >= ROW_NUMBERS_END as f64);
    let is_time_of_day = |text: &str| parse_written(&format!("2000-01-01 {text}")).is_some() && !is_number(text);

    if let (Some(date), Some(time)) = (called("date"), called("time"))
        && reads(time, &is_time_of_day)
        && !reads(date, &|text| text.contains(':'))
    {
        return Ok(vec![date, time]);
    }
    if let Some(column) = NAMES
        .iter()
        .filter_map(|name| called(name))
        .find(|column| reads(*column, &|text| is_time(text) || is_number(text) || is_epoch(text)))
    {
        return Ok(vec![column]);
    }
    if let (Some(year), Some(month)) = (called("year"), called("month")) {
        let mut parts = vec![year, month];
        for name in ["day", "hour", "minute", "second"] {
            match called(name) {
                Some(column) => parts.push(column),
                None => break,
            }
        }
        return Ok(parts);
    }
    let is_year = |text: &str| text.parse().is_ok_and(|year: i64| (1000..=2999).contains(&year));
    let by_name = || YEARS.iter().filter_map(|name| called(name)).find(|column| reads(*column, &is_year));
    let texts = || (0..table.columns()).find(|column| reads(*column, &|text| is_time(text) && !is_number(text)));
    let formatted = || (0..table.columns()).find(|column| reads(*column, &by_format));
    // Digits alone that spell dates which rise, as 202201 does.
    let spelled = || {
        let dates = |column: usize| filled(column).map(move |row| parse_compact(&table.text(row, column)));
        (0..table.columns()).find(|column| {
            let all: Option<Vec<Timestamp>> = dates(*column).collect();
            all.is_some_and(|all| all.len() > 1 && all.is_sorted_by(|a, b| a.instant < b.instant))
        })
    };
    by_name()
        .or_else(texts)
        .or_else(formatted)
        .or_else(spelled)
        .map(|c| vec![c])
        .ok_or_else(|| {
            let help = format!(
                "‹time-column› names it (A+B if date and time are in two columns), {FORMAT_HELP}; if there is no time, add a \
                 column of row numbers. Columns, separated by `{}`: {}",
                delimiter_word(table.delimiter),
                table.header.listed(0..table.columns())
            );
            Error::data(table.header.place(), "no column reads as a time", help)
        })
}

/// Times, what they count, whether the day comes first, and how they were read.
type Read = (Vec<Timestamp>, TimeKind, Option<bool>, String);

struct Reader<'a> {
    table: &'a CsvTable,
    cells: &'a Cells<'a>,
    columns: &'a [usize],
}

impl Reader<'_> {
    /// The row's text, several columns joined by a blank.
    fn text(&self, row: usize) -> Result<String> {
        let mut text = String::new();
        for &column in self.columns {
            if self.cells.missing(row, column) {
                let help = "every row needs its time: correct or remove the line";
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

    fn by_format(&self, format: &str) -> Result<Read> {
        use chrono::format::{Item, StrftimeItems};
        if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
            let help = "strptime syntax: %Y %m %d %H %M %S %z, %j day of year, %b month name, %p AM/PM";
            return Err(Error::config("time-format", format!("`{format}` is not understood"), help));
        }
        let mut any_zoned = false;
        let mut stamps = Vec::with_capacity(self.table.rows());
        for row in 0..self.table.rows() {
            let (stamp, zoned) = parse_format(&self.text(row)?, format).map_err(|why| {
                self.reject(row, format!("does not fit the time format `{format}`: {why}"), FORMAT_HELP)
            })?;
            any_zoned |= zoned;
            stamps.push(stamp);
        }
        Ok((stamps, TimeKind::Clock { zoned: any_zoned }, None, format!("as `{format}`")))
    }

    /// Year, month, … as whole numbers in columns of their own.
    fn is_parts(&self) -> bool {
        let number = |column: &usize| self.table.text(0, *column).parse::<u32>().ok();
        self.columns.len() >= 2
            && self.columns.iter().all(|column| number(column).is_some())
            && number(&self.columns[0]).is_some_and(|year| (1000..=9999).contains(&year))
    }

    fn parts(&self) -> Result<Read> {
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
            stamps.push(stamp.ok_or_else(|| self.reject(row, "no such date", "correct the line"))?);
        }
        Ok((stamps, TimeKind::Clock { zoned: false }, None, "year, month, … in columns of their own".into()))
    }

    /// The one column, and all its rows as whole numbers, if they all are.
    fn numbers(&self) -> Option<(usize, Vec<i64>)> {
        let &[column] = self.columns else { return None };
        let number = |row| std::str::from_utf8(self.table.cell(row, column)).ok()?.parse().ok();
        Some((column, (0..self.table.rows()).map(number).collect::<Option<_>>()?))
    }

    /// Whether the one column is called as years are, and holds numbers of four digits.
    fn is_years(&self) -> bool {
        let [column] = self.columns else { return false };
        let name = &self.table.header.names[*column];
        let year = |row| self.table.text(row, *column).parse().is_ok_and(|year: i64| (1000..=2999).contains(&year));
        YEARS.iter().any(|year| name.to_lowercase() == *year) && (0..self.table.rows()).all(year)
    }

    /// The one column as numbers with decimals that are units since 1970, if they all are.
    fn decimals(&self) -> Option<Read> {
        let [column] = self.columns else { return None };
        let number = |row| std::str::from_utf8(self.table.cell(row, *column)).ok()?.parse::<f64>().ok();
        let numbers: Vec<f64> = (0..self.table.rows()).map(number).collect::<Option<_>>()?;
        let mut first = ROW_NUMBERS_END as f64;
        for (unit, micros) in [("seconds", 1e6), ("milliseconds", 1e3), ("microseconds", 1.0), ("nanoseconds", 1e-3)] {
            if numbers.iter().all(|number| (first..first * 1000.0).contains(number)) {
                let stamp = |number: &f64| Timestamp { instant: (number * micros).round() as i64, offset: 0 };
                let stamps = numbers.iter().map(stamp).collect();
                return Some((stamps, TimeKind::Clock { zoned: false }, None, format!("{unit} since 1970")));
            }
            first *= 1000.0;
        }
        None
    }

    fn texts(&self) -> Result<Read> {
        let mut all: Vec<Written> = Vec::with_capacity(self.table.rows());
        for row in 0..self.table.rows() {
            let text = self.text(row)?;
            let written =
                parse_written(&text).ok_or_else(|| self.reject(row, "not a time in a known form", FORMAT_HELP))?;
            if let Some(first) = all.first() {
                let line = self.table.line(0);
                if first.form != written.form {
                    let problem = format!("the date is written in another form than in line {line}");
                    return Err(self.reject(row, problem, "write all times in one form"));
                }
                if first.offset.is_some() != written.offset.is_some() {
                    let problem = format!(
                        "line {line} {}",
                        match first.offset {
                            Some(_) => "has a UTC offset, but this line has none",
                            None => "has no UTC offset, but this line has one",
                        }
                    );
                    return Err(self.reject(row, problem, "write all times with an offset (Z, +01:00) or all without"));
                }
            }
            all.push(written);
        }
        let (day_first, mut reading) = match all[0].form {
            DateForm::Plain => (None, String::new()),
            DateForm::TwoNumbers => self.day_first(&all)?,
        };
        if all.iter().any(|written| written.short_year) {
            reading += if reading.is_empty() { "" } else { ", " };
            reading += "years of two digits from 1969 to 2068";
        }
        let mut stamps = Vec::with_capacity(all.len());
        for (row, written) in all.iter().enumerate() {
            let stamp = written.timestamp(day_first == Some(true));
            stamps.push(stamp.ok_or_else(|| self.reject(row, "no such day", "correct the line"))?);
        }
        Ok((stamps, TimeKind::Clock { zoned: all[0].offset.is_some() }, day_first, reading))
    }

    /// A number above 12 can only be a day. Without one, both orders fit, and the file is rejected.
    fn day_first(&self, all: &[Written]) -> Result<(Option<bool>, String)> {
        // Days change more often than years.
        let changes =
            |part: fn(&Written) -> i64| all.windows(2).filter(|pair| part(&pair[0]) != part(&pair[1])).count();
        let years = changes(|written| i64::from(written.year));
        if all[0].short_year
            && years > changes(|written| i64::from(written.first)).max(changes(|written| i64::from(written.second)))
        {
            let help = "‹time-format› '%y/%m/%d', '%d/%m/%y' or '%m/%d/%y' decides";
            return Err(self.reject(0, "the year may come first or last", help));
        }
        let first = all.iter().position(|written| written.first > 12);
        let second = all.iter().position(|written| written.second > 12);
        match (first, second) {
            (Some(row), None) => Ok((Some(true), format!("day before month, by line {}", self.table.line(row)))),
            (None, Some(row)) => Ok((Some(false), format!("month before day, by line {}", self.table.line(row)))),
            (Some(a), Some(b)) => {
                let problem = format!("day before month here, month before day in line {}", self.table.line(a.min(b)));
                Err(self.reject(a.max(b), problem, "write all dates in one form"))
            }
            (None, None) => {
                let help = "‹time-format› '%d/%m/%Y' or '%m/%d/%Y' (with %H:%M and so on as written) decides";
                Err(self.reject(0, "the day or the month may come first: no row has a number above 12", help))
            }
        }
    }
}

/// Dates without marks, seconds (milli-, micro-, nano-) since 1970, or row numbers: by what all the numbers can be.
fn whole_numbers(reader: &Reader, column: usize, numbers: &[i64]) -> Result<Read> {
    let compact = |row: usize| parse_compact(&reader.table.text(row, column));
    if let Some(stamps) = (0..numbers.len()).map(compact).collect::<Option<Vec<_>>>() {
        return Ok((stamps, TimeKind::Clock { zoned: false }, None, "dates without marks".into()));
    }
    // Seconds from 1973 on; each finer unit has 1000 times the numbers.
    let mut first = ROW_NUMBERS_END as i64;
    for (unit, to_micros) in [
        ("seconds", (|n| n * SECOND) as fn(i64) -> i64),
        ("milliseconds", |n| n * 1000),
        ("microseconds", |n| n),
        ("nanoseconds", |n| n / 1000),
    ] {
        if numbers.iter().all(|n| (first..first.saturating_mul(1000)).contains(n)) {
            let stamps = numbers.iter().map(|n| Timestamp { instant: to_micros(*n), offset: 0 }).collect();
            return Ok((stamps, TimeKind::Clock { zoned: false }, None, format!("{unit} since 1970")));
        }
        first = first.saturating_mul(1000);
    }
    if let Some(row) = numbers.iter().position(|n| n.unsigned_abs() >= ROW_NUMBERS_END) {
        return Err(reader.reject(
            row,
            "neither a row number nor, with the other rows, seconds since 1970",
            FORMAT_HELP,
        ));
    }
    let stamps = numbers.iter().map(|n| Timestamp { instant: *n, offset: 0 }).collect();
    Ok((stamps, TimeKind::RowNumbers, None, "row numbers".into()))
}
