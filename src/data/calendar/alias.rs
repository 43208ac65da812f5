//! Calendars in pandas' notation.

use std::fmt;
use std::str::FromStr;

use chrono::Weekday;

use super::words::{Run, alike, clock, runs};
use super::{Calendar, MonthDay, Rule, Week, Weekdays};
use crate::data::time::{DAY, HOUR, MINUTE, SECOND};
use crate::error::{Error, Result};

pub(super) const HELP: &str = "an interval as pandas writes it, with or without a count: s, min, h, D, B (business days), W or W-WED, MS, ME, \
     BMS, BME, QS, QE-MAR, YS, YE, bh, as in 15min; open days and hours, as in Mon-Sat or `Mon-Fri 09:30-16:30/h`; or a \
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
    (MINUTE, &["min", "T"]),
    (SECOND, &["s", "S"]),
    (SECOND / 1000, &["ms", "L"]),
    (1, &["us", "U"]),
];
/// Days of months: names, and the day.
const MONTH_DAYS: [(&str, MonthDay); 4] =
    [("S", MonthDay::Day(1)), ("E", MonthDay::Last), ("BS", MonthDay::FirstBusiness), ("BE", MonthDay::LastBusiness)];

impl FromStr for Calendar {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let reject = |problem: &str| Error::config("freq", format!("`{text}` {problem}"), HELP);
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let bounded = |count: &i64| (1..=1_000_000).contains(count);
        let count = if count.is_empty() { Some(1) } else { count.parse().ok().filter(bounded) };
        let count = count.ok_or_else(|| reject("has a count that is not 1 to 1000000"))?;
        let rule = match unit {
            "" if digits > 0 => Some(Rule::Rows(count)),
            _ => counted(count, unit)
                .or_else(|| Some(Rule::Every { step: interval(text)?, near: None }))
                .or_else(|| near(text))
                .or_else(|| Some(Rule::Weekdays { open: weekdays(text)?, every: 1 }))
                .or_else(|| Some(Rule::Week { week: week(text)?, every: 1 })),
        };
        rule.map(Calendar::new).ok_or_else(|| reject("is not an interval"))
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

/// A rule by pandas' alias, without its count.
fn counted(every: i64, unit: &str) -> Option<Rule> {
    let (name, anchor) = unit.split_once('-').map_or((unit, None), |(name, anchor)| (name, Some(anchor)));
    let months = |every: i64, day: MonthDay| Some(Rule::Months { every, phase: None, day });
    let hours = |open: Weekdays| {
        let times = open.days().flat_map(|day| (9..17).map(move |hour| day as i64 * DAY + hour * HOUR)).collect();
        Some(Rule::Week { week: Week::of(times)?, every })
    };
    match (name, anchor) {
        ("B" | "b" | "C" | "c", None) => Some(Rule::Weekdays { open: Weekdays::BUSINESS, every }),
        ("W", Some(day)) => Some(Rule::Weekdays { open: Weekdays::one(weekday(day)?), every }),
        ("bh" | "BH" | "cbh" | "CBH", None) => hours(Weekdays::BUSINESS),
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
                "M" if anchor.is_none_or(|anchor| anchor.parse::<u32>().is_ok()) => 1,
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
                    _ => return None,
                }
            }
            // Several quarters or years have no phase: pandas counts them from the first row.
            let phase = phase.filter(|_| every == 1);
            Some(Rule::Months { every: every * length, phase, day })
        }
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    const ALL: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    DAYS.iter().position(|day| day.eq_ignore_ascii_case(text)).map(|day| ALL[day])
}

/// `15min`, `1h30min`.
fn interval(text: &str) -> Option<i64> {
    let (mut rest, mut sum) = (text, 0i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: i64 = if digits == 0 { 1 } else { rest[..digits].parse().ok()? };
        let unit = &rest[digits..];
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (length, _) = UNITS.into_iter().find(|(_, names)| names.contains(&&unit[..end]))?;
        sum = sum.checked_add(count.checked_mul(length)?).filter(|_| count > 0)?;
        rest = &unit[end..];
    }
    (1..=LONGEST).contains(&sum).then_some(sum)
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
            Rule::Every { step, near: Some(0) } => write!(f, "~{}", unit(*step)),
            Rule::Every { step, near: Some(near) } => write!(f, "~{}+{}", unit(*step), unit(*near)),
            Rule::Weekdays { open: Weekdays::BUSINESS, every } => write!(f, "{}B", count(*every)),
            Rule::Weekdays { open, every } if open.count() == 1 => {
                let day = open.days().next().unwrap_or(0);
                write!(f, "{}W-{}", count(*every), DAYS[day])
            }
            Rule::Weekdays { open, .. } => f.write_str(&names(*open)),
            Rule::Week { week, every } => write_week(f, week, *every),
            Rule::Months { every, phase, day } => write_months(f, *every, *phase, *day),
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
    if let Some(Rule::Week { week: business, .. }) = counted(1, "bh")
        && (*week == business || every > 1)
    {
        return write!(f, "{}bh", count(every));
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
        _ => Ok(()),
    }
}
