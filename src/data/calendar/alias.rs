//! Calendars in pandas' notation.

use std::fmt;
use std::str::FromStr;

use chrono::Weekday;

use super::retail::{date, number};
use super::words::{Run, alike, clock, runs};
use super::{Calendar, HalfMonths, MonthDay, Retail, Rule, Week, Weekdays, Weeks, Year, YearEnd};
use crate::data::time::{DAY, HOUR, MINUTE, SECOND};
use crate::error::{Error, Result};

pub(super) const HELP: &str = "an interval as pandas writes it, with or without a count: s, min, h, D, B (business days), W or W-WED, MS, ME, \
     BMS, BME, SMS, SME, MS-15, MS-15-NEXT (or the next business day), QS, QE-MAR, YS, YE, bh, as in 15min; 12h@clock (on the clock of ‹timezone› across its changes); 445E-N-JAN-SAT (periods of 4, 4 and 5 weeks); open days and hours, as in Mon-Sat or `Mon-Fri 09:30-16:30/h`; or a \
     whole number where the time column holds row numbers";

/// Most microseconds of an interval: 8,000 years.
const LONGEST: i64 = 8_000 * 365 * DAY;

/// Monday first.
const DAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// Units of fixed intervals, the longest first; the first name of each is written, all are read.
const UNITS: [(i64, &[&str]); 7] = [
    (7 * DAY, &["W", "w"]),
    (DAY, &["D", "d"]),
    (HOUR, &["h", "H"]),
    (MINUTE, &["min", "Min", "MIN", "T", "t"]),
    (SECOND, &["s", "S"]),
    (SECOND / 1000, &["ms", "L", "l"]),
    (1, &["us", "U", "u"]),
];
/// A thousandth of the shortest unit: only counts of thousands are kept.
const NANOSECONDS: [&str; 3] = ["ns", "N", "n"];
/// Days of months: names, and the day.
const MONTH_DAYS: [(&str, MonthDay); 4] =
    [("S", MonthDay::Day(1)), ("E", MonthDay::Last), ("BS", MonthDay::FirstBusiness), ("BE", MonthDay::LastBusiness)];

/// After an interval: counted on the clock.
const ON_CLOCK: &str = "@clock";
/// After a day of the month: the business day after or before it, where it is none.
const NEXT: &str = "NEXT";
const PREVIOUS: &str = "PREV";

impl FromStr for Calendar {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let reject = |problem: &str| Error::config("freq", format!("`{text}` {problem}"), HELP);
        let text = text.trim();
        if let Some(retail) = retail(text) {
            return Ok(Calendar::new(Rule::Retail(retail)));
        }
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        if let Some(why) = refused(unit) {
            return Err(reject(why));
        }
        if NANOSECONDS.contains(&unit) && interval(text).is_none() {
            return Err(reject("is no whole number of microseconds, to which times are kept"));
        }
        let bounded = |count: &i64| (1..=1_000_000).contains(count);
        let count = if count.is_empty() { Some(1) } else { count.parse().ok().filter(bounded) };
        let rule = match unit {
            "" if digits > 0 => count.map(Rule::Rows),
            _ => count
                .and_then(|count| counted(count, unit))
                .or_else(|| Some(Rule::Every { step: interval(text)?, near: None }))
                // pandas takes most names in any case.
                .or_else(|| counted(count?, &unit.to_ascii_uppercase()))
                .or_else(|| near(text))
                .or_else(|| on_clock(text))
                .or_else(|| Some(Rule::Weekdays { open: weekdays(text)?, every: 1 }))
                .or_else(|| Some(Rule::Week { week: week(text)?, every: 1 })),
        };
        let why = if count.is_some() { "is not an interval" } else { "has a count that is not 1 to 1000000" };
        rule.map(Calendar::new).ok_or_else(|| reject(why))
    }
}

/// Why an alias of pandas is not taken.
fn refused(unit: &str) -> Option<&'static str> {
    let name = unit.split('-').next().unwrap_or_default();
    match name {
        "m" => Some("may be minutes (min) or months (MS, ME)"),
        "Ms" | "mS" => Some("may be milliseconds (ms) or month starts (MS)"),
        "RE" | "REQ" => Some(
            "is a year of 52 or 53 weeks, of which only periods of 4 and 5 weeks are there (445E-N-JAN-SAT): 13W-SAT goes on by weeks, YE-JAN and QE-JAN by months",
        ),
        _ => None,
    }
}

/// `~min`, `~h+30min`: an interval that rows lie near, and how far after midnight, 1970, it begins.
fn near(text: &str) -> Option<Rule> {
    let text = text.strip_prefix('~')?;
    let (step, near) = match text.split_once('+') {
        Some((step, near)) => (step, interval(near)?),
        None => (text, 0),
    };
    Some(Rule::Every { step: interval(step)?, near: Some(near) })
}

/// `12h@clock`: an interval from a minute to less than a day, on the written clock.
fn on_clock(text: &str) -> Option<Rule> {
    let step = interval(text.strip_suffix(ON_CLOCK)?)?;
    (MINUTE..DAY).contains(&step).then_some(Rule::Clock(step))
}

/// `454E-N-JAN-SAT`, `445S-L-DEC-FRI`: periods by their last (E) or first (S) days, of years to the weekday nearest to (N) or last in (L)
/// a month's end. `445E@2023-01-28`: of years of 52 weeks; a quarter ends on that day, or begins.
fn retail(text: &str) -> Option<Retail> {
    let (pattern, rest) = text.split_at_checked(3)?;
    let digits = |weeks: &Weeks| weeks.0.iter().map(|weeks| weeks.to_string()).collect::<String>() == pattern;
    let weeks = Weeks::ALL.into_iter().find(digits)?;
    let (day, rest) = rest.split_at_checked(1)?;
    let first = match day {
        "S" | "s" => true,
        "E" | "e" => false,
        _ => return None,
    };
    if let Some(end) = rest.strip_prefix('@') {
        let end = number(end.parse().ok()?) - i64::from(first);
        return Some(Retail::always_52(weeks, end, first));
    }
    let mut parts = rest.strip_prefix('-')?.split('-');
    let on = match parts.next()? {
        "N" | "n" => YearEnd::Nearest,
        "L" | "l" => YearEnd::Last,
        _ => return None,
    };
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as u32 + 1;
    let weekday = weekday(parts.next()?)?;
    parts.next().is_none().then_some(Retail { weeks, year: Year::Ends { on, month, weekday }, first })
}

/// A rule by pandas' alias, without its count.
fn counted(every: i64, unit: &str) -> Option<Rule> {
    let (name, anchor) = unit.split_once('-').map_or((unit, None), |(name, anchor)| (name, Some(anchor)));
    let months = |every: i64, day: MonthDay| Some(Rule::Months { every, phase: None, day });
    let hours = |open: Weekdays| {
        let times = open.days().flat_map(|day| (9..17).map(move |hour| day as i64 * DAY + hour * HOUR)).collect();
        Some(Rule::Week { week: Week::of(times)?, every })
    };
    match (name, anchor) {
        ("B" | "C", None) => Some(Rule::Weekdays { open: Weekdays::BUSINESS, every }),
        ("W", Some(day)) => Some(Rule::Weekdays { open: Weekdays::one(weekday(day)?), every }),
        ("BH" | "CBH", None) => hours(Weekdays::BUSINESS),
        (name, _) if name.starts_with("BH=") || name.starts_with("CBH=") => {
            let (_, spans) = unit.split_once('=')?;
            Some(Rule::Week { week: business_hours(spans)?, every })
        }
        ("SM" | "SME", day) => half_months(every, day, |day| [MonthDay::Day(day), MonthDay::Last]),
        ("SMS", day) => half_months(every, day, |day| [MonthDay::Day(1), MonthDay::Day(day)]),
        ("M", None) => months(every, MonthDay::Last),
        ("BM" | "CBM", None) => months(every, MonthDay::LastBusiness),
        ("WOM", Some(nth)) => {
            let n = nth.get(..1)?.parse().ok().filter(|n| (1..=4).contains(n))?;
            months(every, MonthDay::Nth(n, weekday(nth.get(1..)?)?))
        }
        ("LWOM", Some(day)) => months(every, MonthDay::LastWeekday(weekday(day)?)),
        _ => {
            // A step of months, then the day: QS, BQE-MAR, YE; CBMS and CBME; A and Y alone are year ends.
            let (business, name) =
                name.strip_prefix("CB").or(name.strip_prefix('B')).map_or(("", name), |name| ("B", name));
            let (length, end) = (name.get(..1)?, name.get(1..)?);
            let length = match length {
                "M" if anchor
                    .is_none_or(|anchor| anchor.split('-').next().is_some_and(|day| day.parse::<u32>().is_ok())) =>
                {
                    1
                }
                "Q" => 3,
                "Y" | "A" => 12,
                _ => return None,
            };
            let end = if end.is_empty() && length > 1 { "E" } else { end };
            let named = format!("{business}{end}");
            let (_, mut day) = MONTH_DAYS.into_iter().find(|(name, _)| *name == named)?;
            let mut phase = None;
            for part in anchor.into_iter().flat_map(|anchor| anchor.split('-')) {
                match (MONTHS.iter().position(|month| part.eq_ignore_ascii_case(month)), part.parse()) {
                    (Some(month), _) if length > 1 => phase = Some(month as i64 % length),
                    (None, Ok(number @ 2..=31)) if day == MonthDay::Day(1) => day = MonthDay::Day(number),
                    _ => match day {
                        MonthDay::Day(number @ 2..) if part.eq_ignore_ascii_case(NEXT) => {
                            day = MonthDay::OrNext(number)
                        }
                        MonthDay::Day(number @ 2..) if part.eq_ignore_ascii_case(PREVIOUS) => {
                            day = MonthDay::OrPrevious(number);
                        }
                        _ => return None,
                    },
                }
            }
            // Several quarters or years have no phase: pandas counts them from the first row.
            let phase = phase.filter(|_| every == 1);
            Some(Rule::Months { every: every * length, phase, day })
        }
    }
}

/// Two days of a month, of which the alias names one; 15 if it does not.
fn half_months(every: i64, day: Option<&str>, days: impl Fn(u32) -> [MonthDay; 2]) -> Option<Rule> {
    let day = day.map_or(Some(15), |day| day.parse().ok()).filter(|day| (2..28).contains(day))?;
    Some(Rule::HalfMonths { days: HalfMonths(days(day)), every })
}

/// `09:30-16:30`, `09:00-12:00,13:00-18:00`: on business days, each hour from an opening on and before its closing.
fn business_hours(spans: &str) -> Option<Week> {
    let mut times = Vec::new();
    for span in spans.split(',') {
        let (open, close) = span.split_once('-')?;
        let (open, close) = (of_day(open)?, of_day(close)?);
        if close <= open {
            return None;
        }
        let hours = (0..).map(|hour| open + hour * HOUR).take_while(|time| *time < close);
        times.extend(hours.flat_map(|time| Weekdays::BUSINESS.days().map(move |day| day as i64 * DAY + time)));
    }
    Week::of(times)
}

fn weekday(text: &str) -> Option<Weekday> {
    const ALL: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    DAYS.iter().position(|day| day.eq_ignore_ascii_case(text)).map(|day| ALL[day])
}

/// `15min`, `1h30min`, `1.5h`, `1D 12h`, as whole microseconds.
fn interval(text: &str) -> Option<i64> {
    let (mut rest, mut sum) = (text.trim_start(), 0i128);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[digits..].trim_start();
        let end = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let of = |(length, names): (i64, &[&str])| names.contains(&&unit[..end]).then_some(1000 * length);
        let nanoseconds = NANOSECONDS.contains(&&unit[..end]).then_some(1);
        let part = parts(&rest[..digits], UNITS.into_iter().find_map(of).or(nanoseconds)?)?;
        sum = sum.checked_add(part).filter(|_| part > 0)?;
        rest = unit[end..].trim_start();
    }
    let whole = i64::try_from(sum / 1000).ok().filter(|_| sum % 1000 == 0)?;
    (1..=LONGEST).contains(&whole).then_some(whole)
}

/// A count, perhaps with decimals, of a length; `None` if that is no whole number.
fn parts(count: &str, length: i64) -> Option<i128> {
    if count.is_empty() {
        return Some(length.into());
    }
    let (whole, decimals) = count.split_once('.').unwrap_or((count, ""));
    let number: i128 = format!("{whole}{decimals}").parse().ok().filter(|_| decimals.len() <= 12)?;
    let (product, unit) = (number.checked_mul(length.into())?, 10i128.pow(decimals.len() as u32));
    (product % unit == 0).then_some(product / unit)
}

/// `Mon-Sat`, `Mon,Wed,Fri`, `Mon Tue Wed`: some weekdays.
fn weekdays(text: &str) -> Option<Weekdays> {
    let mut open = [false; 7];
    for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (weekday(first)?.num_days_from_monday(), weekday(last)?.num_days_from_monday());
        let length = (last + 7 - first) % 7;
        (0..=length).for_each(|day| open[((first + day) % 7) as usize] = true);
    }
    Weekdays::of(|day| open[day])
}

/// `Mon-Fri 09:30-16:30/h; Sat 10:00-14:00/30min 18:00`: times of the week.
fn week(text: &str) -> Option<Week> {
    let mut times = Vec::new();
    for group in text.split(';') {
        let group = group.trim();
        let digit = group.find(|c: char| c.is_ascii_digit())?;
        let days = weekdays(&group[..digit])?;
        for span in group[digit..].split_whitespace() {
            let (span, step) = span.split_once('/').map_or((span, None), |(span, step)| (span, Some(step)));
            let (first, last) = span.split_once('-').unwrap_or((span, span));
            let (first, last) = (of_day(first)?, of_day(last)?);
            let step = step.map_or(Some(HOUR), interval)?;
            if last < first || (last - first) / step > 100_000 {
                return None;
            }
            for day in days.days() {
                times.extend((0..=(last - first) / step).map(|n| day as i64 * DAY + first + n * step));
            }
        }
    }
    Week::of(times)
}

/// `09:30`, `09:30:15.25` → microseconds since midnight.
fn of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut part = |most: f64| {
        let number = parts.next().map_or(Some(0.0), |part| part.parse::<f64>().ok())?;
        (0.0..most).contains(&number).then_some(number)
    };
    let (hours, minutes, seconds) = (part(24.0)?, part(60.0)?, part(60.0)?);
    let whole = hours.fract() == 0.0 && minutes.fract() == 0.0 && parts.next().is_none();
    whole.then(|| hours as i64 * HOUR + minutes as i64 * MINUTE + (seconds * SECOND as f64).round() as i64)
}

/// A fixed interval in its largest unit.
fn unit(step: i64) -> String {
    let (length, names) = UNITS.into_iter().find(|(length, _)| step % length == 0).unwrap_or(UNITS[6]);
    count(step / length) + names[0]
}

/// A count before an alias; 1 is left out.
fn count(count: i64) -> String {
    if count == 1 { String::new() } else { count.to_string() }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Rows(rows) => write!(f, "{rows}"),
            Rule::Every { step, near: None } => f.write_str(&unit(*step)),
            Rule::Clock(step) => write!(f, "{}{ON_CLOCK}", unit(*step)),
            Rule::Every { step, near: Some(0) } => write!(f, "~{}", unit(*step)),
            Rule::Every { step, near: Some(near) } => write!(f, "~{}+{}", unit(*step), unit(*near)),
            Rule::Weekdays { open: Weekdays::BUSINESS, every } => write!(f, "{}B", count(*every)),
            Rule::Weekdays { open, every } if open.count() == 1 => {
                let day = open.days().next().unwrap_or(0);
                write!(f, "{}W-{}", count(*every), DAYS[day])
            }
            Rule::Weekdays { open, .. } => f.write_str(&names(*open)),
            Rule::Week { week, every } => write_week(f, week, *every),
            Rule::HalfMonths { days: HalfMonths([first, second]), every } => {
                let (name, day) = if *second == MonthDay::Last { ("SME", first) } else { ("SMS", second) };
                write!(f, "{}{name}", count(*every))?;
                match day {
                    MonthDay::Day(day) if *day != 15 => write!(f, "-{day}"),
                    _ => Ok(()),
                }
            }
            Rule::Retail(retail) => write_retail(f, retail),
            Rule::Months { every, phase, day } => write_months(f, *every, *phase, *day),
        }
    }
}

fn write_retail(f: &mut fmt::Formatter<'_>, retail: &Retail) -> fmt::Result {
    let Weeks([a, b, c]) = retail.weeks;
    write!(f, "{a}{b}{c}{}", if retail.first { 'S' } else { 'E' })?;
    match retail.year {
        // One of 2000 or later.
        Year::Always52(end) => {
            let end = 121 * 91 + end + i64::from(retail.first);
            write!(f, "@{}", date(end).unwrap_or_default())
        }
        Year::Ends { on, month, weekday } => {
            let on = if on == YearEnd::Nearest { 'N' } else { 'L' };
            let month = MONTHS[(month as usize + 11) % 12];
            write!(f, "-{on}-{month}-{}", DAYS[weekday.num_days_from_monday() as usize])
        }
    }
}

/// `Mon-Sat`, `Mon,Wed,Fri`.
fn names(open: Weekdays) -> String {
    let name = |day: usize| {
        let (first, rest) = DAYS[day].split_at(1);
        format!("{first}{}", rest.to_ascii_lowercase())
    };
    let days: Vec<usize> = open.days().collect();
    match (days.first(), days.last()) {
        (Some(first), Some(last)) if days.len() > 2 && last - first + 1 == days.len() => {
            format!("{}-{}", name(*first), name(*last))
        }
        _ => days.into_iter().map(name).collect::<Vec<_>>().join(","),
    }
}

fn write_week(f: &mut fmt::Formatter<'_>, week: &Week, every: i64) -> fmt::Result {
    if let Some(Rule::Week { week: business, .. }) = counted(1, "BH")
        && *week == business
    {
        return write!(f, "{}bh", count(every));
    }
    if every > 1 {
        // Hours of business days: no others have a count.
        let times = week.of_day(0);
        let span =
            |hours: &[i64]| format!("{}-{}", clock(hours[0]), clock((hours[hours.len() - 1] + HOUR).min(DAY - 1)));
        let spans: Vec<String> = times.chunk_by(|a, b| b - a == HOUR).map(span).collect();
        return write!(f, "{every}bh={}", spans.join(","));
    }
    let run = |run: &Run| match run.step {
        0 => format!(" {}", clock(run.first)),
        step => format!(" {}-{}/{}", clock(run.first), clock(run.last), unit(step)),
    };
    let groups =
        alike(week).into_iter().map(|(days, times)| names(days) + &runs(&times).iter().map(run).collect::<String>());
    f.write_str(&groups.collect::<Vec<_>>().join("; "))
}

fn write_months(f: &mut fmt::Formatter<'_>, every: i64, phase: Option<i64>, day: MonthDay) -> fmt::Result {
    match day {
        MonthDay::Nth(n, weekday) => {
            return write!(f, "{}WOM-{n}{}", count(every), DAYS[weekday.num_days_from_monday() as usize]);
        }
        MonthDay::LastWeekday(weekday) => {
            return write!(f, "{}LWOM-{}", count(every), DAYS[weekday.num_days_from_monday() as usize]);
        }
        _ => {}
    }
    let (length, letter) = match every {
        every if every % 12 == 0 => (12, "Y"),
        every if every % 3 == 0 => (3, "Q"),
        _ => (1, "M"),
    };
    let named = MONTH_DAYS.into_iter().find(|(_, known)| *known == day).map_or("S", |(name, _)| name);
    let (business, end) = named.split_at(named.len() - 1);
    write!(f, "{}{business}{letter}{end}", count(every / length))?;
    if let Some(phase) = phase {
        write!(f, "-{}", MONTHS[phase.rem_euclid(12) as usize])?;
    }
    match day {
        MonthDay::Day(day) if day > 1 => write!(f, "-{day}"),
        MonthDay::OrNext(day) => write!(f, "-{day}-{NEXT}"),
        MonthDay::OrPrevious(day) => write!(f, "-{day}-{PREVIOUS}"),
        _ => Ok(()),
    }
}
