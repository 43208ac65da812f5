//! How times are written: in the form in which they were read, so that tables join.

use chrono::NaiveDateTime;

use super::time::{DAY, SECOND, TimeKind, Timestamp, label};
use super::time_text::{parse_format, without_sept};

/// The form of a column of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeForm {
    kind: TimeKind,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// As pandas writes CSV files: `2013-01-01`, `2013-01-01 06:00:00`, `2013-01-01 06:00:00.250`, with an offset if times have one.
    Pandas { dates_only: bool, digits: usize },
    /// By strftime's syntax, in parts.
    Written(Pattern),
    /// Units since 1970, so many of a second, with so many decimals.
    Epoch { per_second: i64, digits: usize },
}

/// A written form: before the fraction of a second, the fraction, and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    head: String,
    /// The mark and the number of digits.
    fraction: Option<(char, usize)>,
    tail: String,
    case: Case,
    /// Whether September is `Sept`.
    sept: bool,
    /// Whether midnight is 24:00 of the day before.
    late: bool,
}

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// `Jan`, `PM`
    Usual,
    /// `JAN`
    Upper,
    /// `jan`
    Lower,
}

/// Digits of a fraction of a second that a time keeps.
const MICRO_DIGITS: usize = 6;
/// Rows that a form is checked with.
const CHECKED: usize = 2000;

impl TimeForm {
    /// What the times count.
    #[must_use]
    pub fn kind(&self) -> TimeKind {
        self.kind
    }

    /// As pandas writes times: dates alone if all are at midnight.
    pub(crate) fn pandas(kind: TimeKind, stamps: &[Timestamp]) -> TimeForm {
        let dates_only = kind != TimeKind::Clock { zoned: true } && stamps.iter().all(|stamp| stamp.clock() % DAY == 0);
        TimeForm { kind, form: Form::Pandas { dates_only, digits: digits(stamps) } }
    }

    /// The one of two of pandas' forms in which the times of both can be written.
    #[cfg(feature = "parquet")]
    pub(crate) fn finer(self, other: TimeForm) -> TimeForm {
        match (&self.form, &other.form) {
            (Form::Pandas { dates_only, digits }, Form::Pandas { dates_only: other_dates, digits: other_digits }) => {
                let form =
                    Form::Pandas { dates_only: *dates_only && *other_dates, digits: (*digits).max(*other_digits) };
                TimeForm { kind: self.kind, form }
            }
            _ => self,
        }
    }

    /// The form of these texts, of which `text` gives that of a row. `format`, in strptime's syntax, is tried first. `None` if
    /// no known form gives them all again.
    pub(crate) fn of(
        kind: TimeKind,
        stamps: &[Timestamp],
        text: impl Fn(usize) -> String,
        format: Option<&str>,
        day_first: Option<bool>,
    ) -> Option<TimeForm> {
        if kind == TimeKind::RowNumbers {
            return Some(TimeForm::pandas(kind, stamps));
        }
        let every = stamps.len().div_ceil(CHECKED).max(1);
        let rows = (0..stamps.len()).step_by(every).chain(stamps.len().checked_sub(1));
        let mut rows: Vec<(Timestamp, String)> = rows.map(|row| (stamps[row], text(row))).collect();
        let mut has_sept = false;
        for (_, text) in &mut rows {
            let shorter = without_sept(text).into_owned();
            has_sept |= shorter != *text;
            *text = shorter;
        }
        let (stamp, first) = rows.first()?;
        let mut forms: Vec<Form> = format.map(|format| written(format, None, "")).into_iter().collect();
        forms.extend(epochs(&rows));
        forms.extend(patterns(*stamp, first, &rows, day_first, false));
        if rows.iter().any(|(stamp, text)| stamp.clock() % DAY == 0 && text.contains("24")) {
            forms.extend(patterns(*stamp, first, &rows, day_first, true));
        }
        let form = forms.into_iter().find(|form| {
            let form = TimeForm { kind, form: form.clone() };
            rows.iter().all(|(stamp, text)| form.gives(*stamp, text))
        })?;
        let mut form = TimeForm { kind, form };
        if let (Form::Written(pattern), Some((stamp, text))) =
            (&mut form.form, rows.iter().find(|(_, text)| text.bytes().any(|b| b.is_ascii_alphabetic())))
        {
            let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>();
            let (usual, own) = (letters(&pattern.text(*stamp)), letters(text));
            pattern.case = match &own {
                own if *own == usual => Case::Usual,
                own if *own == own.to_ascii_lowercase() => Case::Lower,
                own if *own == own.to_ascii_uppercase() => Case::Upper,
                _ => Case::Usual,
            };
            pattern.sept = has_sept;
        }
        Some(form)
    }

    /// Whether a time is written as this text, but for case, and zeros at the end of a fraction.
    fn gives(&self, stamp: Timestamp, text: &str) -> bool {
        let own = self.text(stamp);
        if own.eq_ignore_ascii_case(text) {
            return true;
        }
        if let Form::Epoch { digits: 1.., .. } = &self.form {
            let zeros = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_string();
            return text.contains('.') && zeros(&own) == zeros(text);
        }
        let Form::Written(Pattern { head, fraction: Some((mark, _)), tail, late, .. }) = &self.form else {
            return false;
        };
        let (head, tail) = (shown(stamp, head, *late), formatted(stamp, tail));
        let between = text.strip_prefix(&head).and_then(|rest| rest.strip_suffix(&tail));
        let Some(fraction) = between else { return false };
        let shorter = own.strip_prefix(&head).and_then(|rest| rest.strip_suffix(&tail)).unwrap_or_default();
        // Times are cut to microseconds.
        let cut = |text: &str| text.chars().take(1 + MICRO_DIGITS).collect::<String>();
        let zeros = |text: &str| cut(text).trim_end_matches('0').trim_end_matches(*mark).to_string();
        zeros(fraction) == zeros(shorter)
    }

    /// This form, or pandas' if times to come cannot be told from one another in it.
    #[must_use]
    pub fn of_times(&self, times: &[Timestamp]) -> TimeForm {
        // A clock that is set back shows the same twice.
        let told = |pair: &[Timestamp]| pair[0].clock() == pair[1].clock() || self.text(pair[0]) != self.text(pair[1]);
        let exact = |time: &Timestamp| match &self.form {
            Form::Pandas { dates_only, digits: own } => {
                !(*dates_only && time.clock() % DAY != 0) && *own >= digits(&[*time])
            }
            Form::Epoch { per_second, digits } => {
                let micros = SECOND / per_second.min(&SECOND);
                time.instant % (micros / 10i64.pow((*digits as u32).min(6))).max(1) == 0
            }
            Form::Written(pattern) => pattern.reads_back(*time),
        };
        let first = &times[..times.len().min(CHECKED)];
        if self.kind == TimeKind::RowNumbers || first.iter().all(exact) && first.windows(2).all(told) {
            return self.clone();
        }
        TimeForm::pandas(self.kind, times)
    }

    /// Whether times are written as counts of a unit since 1970, which no clock changes.
    pub(crate) fn is_epoch(&self) -> bool {
        matches!(self.form, Form::Epoch { .. })
    }

    /// Reads a text in this form; whether it says its offset. `None` where it is another form's, and of pandas' form, which is read as
    /// dates in general are. An offset of a count of time is not said.
    pub(crate) fn read(&self, text: &str) -> Option<(Timestamp, bool)> {
        match &self.form {
            Form::Pandas { .. } => None,
            Form::Epoch { per_second, .. } => {
                let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
                let number: i128 = format!("{whole}{decimals}").parse().ok().filter(|_| decimals.len() <= 12)?;
                let micros =
                    number.checked_mul(SECOND.into())? / i128::from(*per_second) / 10i128.pow(decimals.len() as u32);
                let time = Timestamp { instant: i64::try_from(micros).ok()?, offset: 0 };
                time.is_near().then_some((time, false))
            }
            Form::Written(pattern) => pattern.read(text),
        }
    }

    /// A time as text.
    #[must_use]
    pub fn text(&self, time: Timestamp) -> String {
        match &self.form {
            _ if self.kind == TimeKind::RowNumbers => label(self.kind, time, false),
            Form::Pandas { dates_only: true, .. } => label(self.kind, time, true),
            Form::Pandas { digits, .. } => {
                let text = formatted(time, "%Y-%m-%d %H:%M:%S") + &fraction(time, '.', *digits);
                if self.kind == (TimeKind::Clock { zoned: true }) { text + &formatted(time, "%:z") } else { text }
            }
            Form::Epoch { per_second, digits } => epoch(time, *per_second, *digits),
            Form::Written(pattern) => pattern.text(time),
        }
    }
}

impl Pattern {
    fn is_utc(&self) -> bool {
        self.tail == "Z" || self.tail.ends_with("UTC") || self.tail.ends_with("GMT")
    }

    fn text(&self, time: Timestamp) -> String {
        let time = if self.is_utc() { Timestamp { offset: 0, ..time } } else { time };
        let fraction = self.fraction.map_or_else(String::new, |(mark, digits)| fraction(time, mark, digits));
        let mut text = shown(time, &self.head, self.late) + &fraction + &formatted(time, &self.tail);
        if self.sept && self.head.contains("%b") {
            text = text.replace("Sep", "Sept");
        }
        match self.case {
            Case::Usual => text,
            Case::Upper => text.to_uppercase(),
            Case::Lower => text.to_lowercase(),
        }
    }

    /// Reads a text, in any case, with or without the fraction.
    fn read(&self, text: &str) -> Option<(Timestamp, bool)> {
        let whole = |text: &str, micros: i64| {
            let (time, zoned) = self.parse(text, &self.tail)?;
            let time = Timestamp { instant: time.instant + micros, ..time };
            Some((time, zoned || self.is_utc()))
        };
        let (mark, _) = match self.fraction {
            Some(fraction) => fraction,
            None => return whole(text, 0),
        };
        let Some((before, rest)) = text.rsplit_once(mark) else { return whole(text, 0) };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let micros = format!("{:0<6.6}", &rest[..digits]).parse().ok()?;
        whole(&format!("{before}{}", &rest[digits..]), micros)
    }

    /// Whether reading the text gives the time again.
    fn reads_back(&self, time: Timestamp) -> bool {
        let time = if self.is_utc() { Timestamp { offset: 0, ..time } } else { time };
        let aside = self.fraction.map_or(0, |_| time.clock().rem_euclid(SECOND));
        let text = shown(time, &self.head, self.late);
        self.parse(&text, "")
            .is_some_and(|(read, _)| read.clock() + aside == time.clock() || read.instant + aside == time.instant)
    }

    /// Reads a text of the head and this tail.
    fn parse(&self, text: &str, tail: &str) -> Option<(Timestamp, bool)> {
        let format = format!("{}{tail}", self.head);
        let (time, zoned, day) = match parse_format(text, &format) {
            Ok((time, zoned)) => (time, zoned, 0),
            // No clock of chrono's shows 24:00.
            Err(_) if self.late => parse_format(text, &at_24(&format)).ok().map(|(time, zoned)| (time, zoned, DAY))?,
            Err(_) => return None,
        };
        Some((Timestamp { instant: time.instant + day, ..time }, zoned))
    }
}

fn written(head: &str, fraction: Option<(char, usize)>, tail: &str) -> Form {
    Form::Written(Pattern {
        head: head.into(),
        fraction,
        tail: tail.into(),
        case: Case::Usual,
        sept: false,
        late: false,
    })
}

/// A format of 24:00.
fn at_24(format: &str) -> String {
    format.replace("%H", "24").replace("%-H", "24")
}

/// By strftime's syntax; `late`: midnight is 24:00 of the day before.
fn shown(time: Timestamp, format: &str, late: bool) -> String {
    match late && time.clock() % DAY == 0 {
        true => formatted(Timestamp { instant: time.instant - DAY, ..time }, &at_24(format)),
        false => formatted(time, format),
    }
}

/// By strftime's syntax; nothing where that fails.
pub(super) fn formatted(time: Timestamp, format: &str) -> String {
    use chrono::{FixedOffset, TimeZone};
    use std::fmt::Write;
    let written: NaiveDateTime = time.written();
    let Some(zone) = FixedOffset::east_opt(time.offset) else { return String::new() };
    let Some(local) = zone.from_local_datetime(&written).single() else { return String::new() };
    let mut text = String::new();
    match write!(text, "{}", local.format(format)) {
        Ok(()) => text,
        Err(_) => String::new(),
    }
}

/// The mark and the digits of a fraction of a second.
fn fraction(time: Timestamp, mark: char, digits: usize) -> String {
    if digits == 0 {
        return String::new();
    }
    let micros = format!("{:06}000", time.clock().rem_euclid(SECOND));
    format!("{mark}{}", &micros[..digits.min(9)])
}

/// How many digits the fractions of seconds need: 0, 3 or 6.
fn digits(stamps: &[Timestamp]) -> usize {
    match stamps {
        _ if stamps.iter().all(|stamp| stamp.instant % SECOND == 0) => 0,
        _ if stamps.iter().all(|stamp| stamp.instant % 1000 == 0) => 3,
        _ => 6,
    }
}

/// Seconds, milli-, micro- or nanoseconds since 1970, with decimals.
fn epoch(time: Timestamp, per_second: i64, digits: usize) -> String {
    let nanos = i128::from(time.instant) * 1000;
    let (unit, sign) = (i128::from(1_000_000_000 / per_second), if nanos < 0 { "-" } else { "" });
    let (whole, rest) = (nanos.abs() / unit, nanos.abs() % unit);
    if digits == 0 {
        return format!("{sign}{whole}");
    }
    let places = unit.ilog10() as usize;
    let rest = if places == 0 { String::new() } else { format!("{rest:0places$}") };
    format!("{sign}{whole}.{:0<digits$.digits$}", rest)
}

fn epochs(rows: &[(Timestamp, String)]) -> Vec<Form> {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    if !rows.iter().all(|(_, text)| is_number(text)) {
        return Vec::new();
    }
    let digits =
        rows.iter().filter_map(|(_, text)| text.split_once('.').map(|(_, rest)| rest.len())).max().unwrap_or(0);
    [1, 1000, SECOND, 1000 * SECOND].into_iter().map(|per_second| Form::Epoch { per_second, digits }).collect()
}

/// Forms that give the first text, and may give the others.
fn patterns(
    stamp: Timestamp,
    text: &str,
    rows: &[(Timestamp, String)],
    day_first: Option<bool>,
    late: bool,
) -> Vec<Form> {
    let rest = |format: &str, text: &str| {
        let own = shown(stamp, format, late);
        text.get(..own.len()).filter(|start| start.eq_ignore_ascii_case(&own)).map(|_| text[own.len()..].to_string())
    };
    let mut forms = Vec::new();
    for date in dates(day_first) {
        let Some(after) = rest(&date, text) else { continue };
        for (time, seconds) in times() {
            let Some(after) = rest(&time, &after) else { continue };
            let head = date.clone() + &time;
            let mark = rows.iter().find_map(|(stamp, text)| {
                let after = text.get(shown(*stamp, &head, late).len()..)?;
                after.chars().next().filter(|mark| seconds && matches!(mark, '.' | ','))
            });
            let tails =
                |after: &str| ZONES.into_iter().find(|zone| rest(zone, after).is_some_and(|left| left.is_empty()));
            match mark {
                None => forms.extend(tails(&after).map(|tail| written(&head, None, tail))),
                Some(mark) => {
                    let length = |(stamp, text): &(Timestamp, String)| {
                        let after = text.get(shown(*stamp, &head, late).len()..).unwrap_or_default();
                        after.strip_prefix(mark).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count())
                    };
                    let digits = rows.iter().map(length).max().unwrap_or(0).min(9);
                    let own =
                        after.strip_prefix(mark).unwrap_or(&after).trim_start_matches(|c: char| c.is_ascii_digit());
                    forms.extend(tails(own).map(|tail| written(&head, Some((mark, digits)), tail)));
                }
            }
        }
    }
    for form in &mut forms {
        if let Form::Written(pattern) = form {
            pattern.late = late;
        }
    }
    forms
}

const ZONES: [&str; 9] = ["", "Z", "%:z", "%z", " %:z", " %z", " UTC", "UTC", " GMT"];

fn dates(day_first: Option<bool>) -> Vec<String> {
    let mut all: Vec<String> = [
        "%Y%m%d",
        "%b %-d, %Y",
        "%b %d, %Y",
        "%B %-d, %Y",
        "%B %d, %Y",
        "%YQ%q",
        "%Y-Q%q",
        "%Y Q%q",
        "%Y/Q%q",
        "Q%q %Y",
        "Q%q-%Y",
        "Q%q/%Y",
        "Q%q.%Y",
    ]
    .map(String::from)
    .to_vec();
    all.extend(["%G-W%V-%u", "%G-W%V", "%GW%V%u", "%GW%V", "%YM%m", "%Y-M%m", "%Y%m", "%Y"].map(String::from));
    for mark in ["-", "/", ".", " "] {
        let two = match day_first {
            Some(true) => ["%d-%m-%Y", "%-d-%-m-%Y", "%d-%m-%y", "%-d-%-m-%y"],
            _ => ["%m-%d-%Y", "%-m-%-d-%Y", "%m-%d-%y", "%-m-%-d-%y"],
        };
        let plain = ["%Y-%m-%d", "%Y-%-m-%-d", "%Y-%m", "%Y-%-m", "%m-%Y", "%-m-%Y", "%Y-%b-%d", "%Y-%b"];
        let named =
            ["%d-%b-%Y", "%-d-%b-%Y", "%d-%B-%Y", "%-d-%B-%Y", "%b-%Y", "%B-%Y", "%d-%b-%y", "%-d-%b-%y", "%b-%y"];
        let ours = plain.into_iter().chain(two).chain(named).chain(["%b-%d-%Y", "%b-%-d-%Y"]);
        all.extend(ours.map(|form| form.replace("%-", "\u{1}").replace('-', mark).replace('\u{1}', "%-")));
    }
    all
}

/// Times of day, after a date; whether seconds end them.
fn times() -> Vec<(String, bool)> {
    const FORMS: [(&str, bool); 22] = [
        ("%H:%M:%S", true),
        ("%H:%M", false),
        ("%-H:%M:%S", true),
        ("%-H:%M", false),
        ("%H.%M.%S", true),
        ("%H.%M", false),
        ("%H%M%S", true),
        ("%H%M", false),
        ("%Hh%M", false),
        ("%-Hh%M", false),
        ("%I:%M:%S %p", false),
        ("%I:%M %p", false),
        ("%-I:%M:%S %p", false),
        ("%-I:%M %p", false),
        ("%I:%M:%S%p", false),
        ("%I:%M%p", false),
        ("%-I:%M:%S%p", false),
        ("%-I:%M%p", false),
        ("%-I %p", false),
        ("%I %p", false),
        ("%H", false),
        ("%-H", false),
    ];
    let joined = ["T", "t", " ", "  ", ""]
        .into_iter()
        .flat_map(|mark| FORMS.map(|(form, seconds)| (format!("{mark}{form}"), seconds)));
    [(String::new(), false)].into_iter().chain(joined).collect()
}
