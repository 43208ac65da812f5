//! Calendars in words, for people.

use chrono::Month;

use super::{Calendar, HalfMonths, MonthDay, Retail, Rule, Week, Weekdays, Weeks, Year, YearEnd};
use crate::data::time::{MINUTE, SECOND};

/// Monday first.
pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Calendar {
    /// `1 month, on the last business day`.
    #[must_use]
    pub fn words(&self) -> String {
        let step = self.step();
        let words = match &self.rule {
            Rule::Rows(_) | Rule::Every { near: None, .. } => step.to_string(),
            Rule::Every { .. } => format!("{step}, near which the rows lie"),
            Rule::Clock(_) => format!("{step} on the clock"),
            Rule::Weekdays { open: Weekdays::BUSINESS, every: 1 } => "1 business day".into(),
            Rule::Weekdays { open: Weekdays::BUSINESS, every } => format!("{every} business days"),
            Rule::Weekdays { open, .. } => format!("{step}, {}", open.words()),
            Rule::Week { week, .. } => format!("{step}, {}", week.words()),
            Rule::HalfMonths { days: HalfMonths([first, second]), every } => {
                let step = if *every == 1 { "half a month".into() } else { format!("{every} half months") };
                format!("{step}, {} and {}", first.words(), second.words())
            }
            Rule::Retail(retail) => retail.words(),
            Rule::Months { day: MonthDay::Day(1), .. } => step.to_string(),
            Rule::Months { day, .. } => format!("{step}, {}", day.words()),
        };
        let closed = if self.closed.is_empty() { "" } else { ", without holidays" };
        let zone = self.zone.map_or_else(String::new, |zone| format!(", by the clock of {zone}"));
        match (&self.rule, self.zone) {
            (Rule::Clock(_), Some(zone)) => format!("{words} of {zone}{closed}"),
            _ => words + closed + &zone,
        }
    }
}

impl Retail {
    /// `periods of 4, 5 and 4 weeks, by their last days, of years to the Saturday nearest to the end of January`.
    fn words(&self) -> String {
        let Weeks([a, b, c]) = self.weeks;
        let day = if self.first { "first" } else { "last" };
        let periods = format!("periods of {a}, {b} and {c} weeks, by their {day} days");
        match self.year {
            Year::Always52(_) => format!("{periods}, of years of 52 weeks"),
            Year::Ends { on, month, weekday } => {
                let weekday = WEEKDAYS[weekday.num_days_from_monday() as usize];
                let month =
                    u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).unwrap_or(Month::January);
                let on = if on == YearEnd::Nearest { "nearest to the end" } else { "that is the last one" };
                format!("{periods}, of years to the {weekday} {on} of {}", month.name())
            }
        }
    }
}

impl MonthDay {
    fn words(self) -> String {
        match self {
            MonthDay::Day(day) => format!("on day {day}"),
            MonthDay::OrNext(day) => format!("on day {day} or the next business day"),
            MonthDay::OrPrevious(day) => format!("on day {day} or the business day before"),
            MonthDay::Last => "at month ends".into(),
            MonthDay::FirstBusiness => "on the first business day".into(),
            MonthDay::LastBusiness => "on the last business day".into(),
            MonthDay::Nth(n, weekday) => {
                let nth = ["first", "second", "third", "fourth", "fifth"][usize::from(n.clamp(1, 5)) - 1];
                format!("on the {nth} {}", WEEKDAYS[weekday.num_days_from_monday() as usize])
            }
            MonthDay::LastWeekday(weekday) => {
                format!("on the last {}", WEEKDAYS[weekday.num_days_from_monday() as usize])
            }
        }
    }
}

impl Weekdays {
    /// `Monday to Saturday`, `all days but Saturday`, `Monday, Wednesday and Friday`.
    pub(super) fn words(self) -> String {
        let names: Vec<&str> = self.days().map(|day| WEEKDAYS[day]).collect();
        let in_a_row = self.days().zip(self.days().skip(1)).all(|(a, b)| b == a + 1);
        match (&names[..], (0..7).find(|day| !self.has(*day))) {
            (_, None) => "every day".into(),
            ([one], _) => format!("on {one}s"),
            ([first, .., last], _) if in_a_row && names.len() > 2 => format!("{first} to {last}"),
            (_, Some(missing)) if names.len() == 6 => format!("all days but {}", WEEKDAYS[missing]),
            ([before @ .., last], _) => format!("{} and {last}", before.join(", ")),
            ([], _) => String::new(),
        }
    }
}

/// Weekdays that have the same times of day, and these.
pub(super) fn alike(week: &Week) -> Vec<(Weekdays, Vec<i64>)> {
    let mut groups: Vec<(Weekdays, Vec<i64>)> = Vec::new();
    for day in 0..7 {
        let times = week.of_day(day);
        match groups.iter_mut().find(|(_, others)| *others == times) {
            _ if times.is_empty() => {}
            Some((days, _)) => *days = Weekdays::of(|other| other == day || days.has(other)).unwrap_or(*days),
            None => groups.extend(Weekdays::of(|other| other == day).map(|one| (one, times))),
        }
    }
    groups
}

/// Times of day at equal distances: the first, the last, and their distance; of a single time, nothing.
pub(super) struct Run {
    pub first: i64,
    pub last: i64,
    pub step: i64,
}

/// Times of day as few runs; each after the first is counted on its own.
pub(super) fn runs(times: &[i64]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (i, time) in times.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if run.step == 0 && times.get(i + 1).is_none_or(|next| next - time >= time - run.last) => {
                (run.step, run.last) = (time - run.last, *time);
            }
            Some(run) if run.step > 0 && time - run.last == run.step => run.last = *time,
            _ => runs.push(Run { first: *time, last: *time, step: 0 }),
        }
    }
    runs
}

/// `09:30`, `09:30:15`, `09:30:15.250`.
pub(super) fn clock(time: i64) -> String {
    let (minutes, seconds) = (time / MINUTE % 60, time / SECOND % 60);
    let text = format!("{:02}:{minutes:02}", time / (60 * MINUTE));
    match (seconds, time % SECOND) {
        (0, 0) => text,
        (_, 0) => format!("{text}:{seconds:02}"),
        (_, micros) => format!("{text}:{seconds:02}.{micros:06}"),
    }
}

impl Week {
    /// `Monday to Friday 09:30 to 16:30`.
    fn words(&self) -> String {
        let group = |(days, times): (Weekdays, Vec<i64>)| {
            let runs = runs(&times);
            let shown: Vec<String> = runs
                .iter()
                .take(4)
                .map(|run| match run.step {
                    0 => clock(run.first),
                    _ => format!("{} to {}", clock(run.first), clock(run.last)),
                })
                .collect();
            let more = if runs.len() > 4 { " …" } else { "" };
            format!("{} {}{more}", days.words(), shown.join(" and "))
        };
        let groups: Vec<String> = alike(self).into_iter().map(group).collect();
        groups.join(", ")
    }
}
