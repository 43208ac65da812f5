//! Calendars: the times at which a series has rows.
//!
//! [`Calendar`] answers all that the stages ask of times: which follow a row, which precede it, how many steps two rows are apart, and
//! whether a time is one of them. `find.rs` finds the calendar of rows by the bits that `bits.rs` counts, `alias.rs` reads and writes it in pandas' notation, `words.rs`
//! describes it, `season.rs` gives its season.

mod alias;
mod bits;
mod candidates;
mod find;
mod month;
mod retail;
mod season;
mod week;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::step::Step;
use super::time::{DAY, SECOND, TimeKind, Timestamp, is_leapt, month_index, offset_at, offset_of_clock};
use crate::error::{Error, Result};
pub(crate) use bits::beside;
pub(crate) use find::{Finding, Known, find, kept_on_clock};
pub(crate) use month::{HalfMonths, MonthDay};
pub(crate) use retail::{Retail, Weeks, Year, YearEnd};
pub(crate) use season::Season;
pub(crate) use week::{Week, Weekdays};

/// Days without rows.
pub(crate) type Closed = Arc<BTreeSet<NaiveDate>>;

/// The times at which a series has rows. Written and read in pandas' notation: `D`, `B`, `W-WED`, `BME`, `15min`,
/// `Mon-Fri 09:30-16:30/h`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    rule: Rule,
    /// Days without rows; empty if none are known.
    closed: Closed,
    /// Whose clock times are written by, if it is known.
    zone: Option<Tz>,
}

/// Which times follow one another, if no day is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// A fixed interval, microseconds. From one day up it is counted on the written clock, so that daily rows stay daily when
    /// clocks change; below, between instants (unlike `Clock`). `near`: rows lie beside multiples of it, counted from this time.
    Every { step: i64, near: Option<i64> },
    /// A fixed interval of less than a day, microseconds, that is counted on the written clock: of rows at 8 and 20 o'clock all year.
    Clock(i64),
    /// Row numbers.
    Rows(i64),
    /// Every so many of the days of these weekdays, at one time of day.
    Weekdays { open: Weekdays, every: i64 },
    /// Every so many of these times of the week.
    Week { week: Week, every: i64 },
    /// Every so many of these days, at one time of day.
    HalfMonths { days: HalfMonths, every: i64 },
    /// The first or last day of the periods of years of 52 or 53 weeks, at one time of day.
    Retail(Retail),
    /// Every so many months, on one day, at one time of day. `phase`: months since year 0 that leave this remainder.
    Months { every: i64, phase: Option<i64>, day: MonthDay },
}

/// Two rows that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    Regular,
    /// So many times are absent between the two.
    Missing(i64),
    /// No whole number of steps.
    Irregular,
}

/// 9999-12-31, microseconds since 1970.
const LAST: i64 = 253_402_214_400 * SECOND;
/// The first day of the year 1.
const FIRST: i64 = -62_135_596_800 * SECOND;

impl Calendar {
    fn new(rule: Rule) -> Calendar {
        Calendar { rule, closed: Closed::default(), zone: None }
    }

    /// A fixed interval: of time, of row numbers, or months on the day of the month that the first day is.
    #[must_use]
    pub fn every(step: Step) -> Calendar {
        Calendar::new(match step {
            Step::Time(step) => Rule::Every { step, near: None },
            Step::Rows(rows) => Rule::Rows(rows),
            Step::Months(every) => Rule::Months { every, phase: None, day: MonthDay::Day(1) },
        })
    }

    /// The same calendar, without rows on these days, by the clock of this zone.
    #[must_use]
    pub(crate) fn with(self, closed: &Closed, zone: Option<Tz>) -> Calendar {
        Calendar { closed: closed.clone(), zone, ..self }
    }

    /// The distance between rows that follow one another: of business days one day, of opening hours that within a day, of periods of 4
    /// and 5 weeks a month.
    #[must_use]
    pub fn step(&self) -> Step {
        match &self.rule {
            Rule::Every { step, .. } | Rule::Clock(step) => Step::Time(*step),
            Rule::Rows(rows) => Step::Rows(*rows),
            Rule::Weekdays { open, every } if open.count() == 1 => Step::Time(7 * DAY * every),
            Rule::Weekdays { every, .. } => Step::Time(DAY * every),
            Rule::Week { week, every } => Step::Time(week.step() * every),
            Rule::HalfMonths { every, .. } => Step::Time(15 * DAY * every),
            Rule::Retail(_) => Step::Months(1),
            Rule::Months { every, .. } => Step::Months(*every),
        }
    }

    /// The times of the `count` rows after `last`, on its written clock. Of a row beside the calendar, the next times that lie on it.
    ///
    /// # Errors
    /// [`Error::Config`] for a time after the year 9999.
    pub fn next(&self, last: Timestamp, count: usize) -> Result<Vec<Timestamp>> {
        let far = || {
            let problem = format!("{count} rows at an interval of {} pass the year 9999", self.words());
            Error::config("freq", problem, "a smaller interval or ‹horizon›")
        };
        self.shift(last, count as i64).ok_or_else(far)?;
        self.walk(last, 1, count).ok_or_else(far)
    }

    /// The times of the `count` rows before `first`, the latest first; `None` before the year 1.
    #[must_use]
    pub fn previous(&self, first: Timestamp, count: usize) -> Option<Vec<Timestamp>> {
        self.walk(first, -1, count)
    }

    /// How many steps `b` lies after `a`; `None` if that is no whole number, or none at all. A row a few days beside its month or
    /// its week counts as that month's or week's.
    #[must_use]
    pub fn steps(&self, a: Timestamp, b: Timestamp) -> Option<i64> {
        let whole = |apart: i64, step: i64| (apart > 0 && apart % step == 0).then(|| apart / step);
        let steps = match &self.rule {
            Rule::Every { step, near: None } => whole(self.base(b) - self.base(a), *step),
            Rule::Every { step, near: Some(near) } => {
                let index = |time| nearest(self.base(time), *step, *near);
                whole(index(b) - index(a), 1)
            }
            Rule::Clock(step) => whole(b.clock() - a.clock(), *step),
            Rule::Rows(rows) => whole(b.instant - a.instant, *rows),
            Rule::Weekdays { open, every } if time_of_day(a) == time_of_day(b) => {
                whole(open.index(day(b)) - open.index(day(a)), *every)
            }
            Rule::Weekdays { .. } => None,
            Rule::Week { week, every } if week.holds(b.clock()) => {
                whole(week.index(b.clock()) - week.index(a.clock()), *every)
            }
            Rule::Week { .. } => None,
            Rule::HalfMonths { days, every } => {
                let index = |time: Timestamp| days.index(time.written().date(), &self.closed);
                whole(index(b) - index(a), *every)
            }
            Rule::Retail(retail) => whole(retail.index(day(b))? - retail.index(day(a))?, 1),
            Rule::Months { every, .. } => whole(month_index(b) - month_index(a), *every),
        }?;
        Some(steps - self.closed_between(a, b))
    }

    /// How many times between two rows lie on closed days.
    fn closed_between(&self, a: Timestamp, b: Timestamp) -> i64 {
        if self.closed.is_empty() || !self.skips() {
            return 0;
        }
        let (from, to) = (a.written().date(), b.written().date());
        if from >= to {
            return 0;
        }
        let times = |date: &NaiveDate| {
            let start = midnight(*date);
            let (first, last) = (start.max(a.clock() + 1), (start + DAY).min(b.clock()) - 1);
            if first > last { 0 } else { self.steps_until(a, last) - self.steps_until(a, first - 1) }
        };
        self.closed.range(from..=to).map(times).sum()
    }

    /// How many steps lead from a row to the last time at or before this clock, closed days included.
    fn steps_until(&self, from: Timestamp, clock: i64) -> i64 {
        match &self.rule {
            Rule::Clock(step) => (clock - from.clock()).div_euclid(*step),
            Rule::Every { step, .. } if *step >= DAY => (clock - from.clock()).div_euclid(*step),
            Rule::Every { step, .. } => {
                let offset = self.zone.map_or(from.offset, |zone| offset_of_clock(zone, clock)[0]);
                (clock - i64::from(offset) * SECOND - from.instant).div_euclid(*step)
            }
            Rule::Weekdays { open, every } => {
                // A day counts from its time of rows on.
                let day = (clock - time_of_day(from)).div_euclid(DAY);
                (open.index(day) - open.index(self::day(from))).div_euclid(*every)
            }
            Rule::Week { week, every } => (week.index(clock) - week.index(from.clock())).div_euclid(*every),
            Rule::Rows(_) | Rule::HalfMonths { .. } | Rule::Retail(_) | Rule::Months { .. } => 0,
        }
    }

    /// Whether a time is one of this calendar, of which `from` is one.
    #[must_use]
    pub fn holds(&self, from: Timestamp, time: Timestamp) -> bool {
        if self.is_closed(time) {
            return false;
        }
        match &self.rule {
            Rule::Every { step, near: None } => (self.base(time) - self.base(from)) % step == 0,
            Rule::Every { step, near: Some(near) } => {
                (self.base(time) - near - nearest(self.base(time), *step, *near) * step).abs() <= step / 4
            }
            Rule::Clock(step) => (time.clock() - from.clock()) % step == 0,
            Rule::Rows(rows) => (time.instant - from.instant) % rows == 0,
            Rule::Weekdays { open, every } => {
                open.holds(day(time))
                    && time_of_day(time) == time_of_day(from)
                    && (open.index(day(time)) - open.index(day(from))) % every == 0
            }
            Rule::Week { week, every } => {
                week.holds(time.clock()) && (week.index(time.clock()) - week.index(from.clock())) % every == 0
            }
            Rule::HalfMonths { days, every } => {
                let index = |time: Timestamp| days.index(time.written().date(), &self.closed);
                days.date(index(time), &self.closed) == Some(time.written().date())
                    && time_of_day(time) == time_of_day(from)
                    && (index(time) - index(from)) % every == 0
            }
            Rule::Retail(retail) => {
                retail.index(day(time)).and_then(|index| retail.day(index)) == Some(day(time))
                    && time_of_day(time) == time_of_day(from)
            }
            Rule::Months { every, phase, day } => {
                let (month, first) = (month_index(time), month_index(from));
                (month - phase.unwrap_or(first)) % every == 0
                    && time_of_day(time) == time_of_day(from)
                    && day.date(month, &self.closed) == Some(time.written().date())
            }
        }
    }

    pub(crate) fn interval(&self, a: Timestamp, b: Timestamp) -> Interval {
        match self.steps(a, b) {
            Some(1) => Interval::Regular,
            Some(steps) if steps > 1 => match steps - 1 - self.leapt_between(a, b, steps) {
                0 => Interval::Regular,
                missing => Interval::Missing(missing),
            },
            // Times of a clock, which was set back.
            None if self.is_set_back(a, b) => Interval::Regular,
            _ => Interval::Irregular,
        }
    }

    /// How many times of the clock between two rows, so many steps apart, the zone's clock leapt over; of a gap of years, in its first ones.
    fn leapt_between(&self, a: Timestamp, b: Timestamp, steps: i64) -> i64 {
        let Some(zone) = self.zone.filter(|_| a.offset < b.offset) else { return 0 };
        let clock = |n: i64| match &self.rule {
            Rule::Week { week, every } => week.clock(week.index(a.clock()) + n * every),
            Rule::Clock(step) => Some(a.clock() + n * step),
            _ => None,
        };
        (1..steps.min(100_000)).map_while(clock).filter(|clock| is_leapt(zone, *clock)).count() as i64
    }

    /// Whether a row of times of the clock is later than another, but not by the zone's clock, which shows some times twice.
    fn is_set_back(&self, a: Timestamp, b: Timestamp) -> bool {
        let on_clock = match &self.rule {
            Rule::Week { week, .. } => week.holds(b.clock()),
            Rule::Clock(step) => (a.clock() - b.clock()) % step == 0,
            _ => false,
        };
        on_clock && self.zone.is_some() && a.offset > b.offset && a.instant < b.instant && b.clock() <= a.clock()
    }

    /// Whether rows lie beside the calendar's times, so that these are where the next will be expected.
    pub(crate) fn is_near(&self) -> bool {
        matches!(self.rule, Rule::Every { near: Some(_), .. })
    }

    /// Whether it is one of certain days or hours, so that a row of others is no gap.
    pub(crate) fn is_day_rule(&self) -> bool {
        !matches!(self.rule, Rule::Rows(_) | Rule::Every { .. } | Rule::Clock(_))
    }

    /// Whether days without rows are left out; months move their day instead, or have a row all the same.
    fn skips(&self) -> bool {
        !matches!(self.rule, Rule::Rows(_) | Rule::HalfMonths { .. } | Rule::Retail(_) | Rule::Months { .. })
    }

    /// Whether its years have 52 weeks although years of 53 come now and then.
    pub(crate) fn lacks_53rd_weeks(&self) -> bool {
        matches!(self.rule, Rule::Retail(Retail { year: Year::Always52(_), .. }))
    }

    /// Whether it is a day without rows.
    pub(crate) fn is_closed(&self, time: Timestamp) -> bool {
        !self.closed.is_empty() && self.skips() && self.closed.contains(&time.written().date())
    }

    /// The times after or before (`way` −1) a row, without those of closed days.
    fn walk(&self, from: Timestamp, way: i64, count: usize) -> Option<Vec<Timestamp>> {
        let mut times = Vec::with_capacity(count);
        let mut n = 0;
        while times.len() < count {
            n += way;
            let time = self.shift(from, n)?;
            // A time that the clock leaps over is a later one, which has a row of its own.
            let again = times.last().is_some_and(|last: &Timestamp| (time.instant - last.instant) * way <= 0);
            if !again && !self.is_closed(time) {
                times.push(time);
            }
        }
        Some(times)
    }

    /// The time `n` steps after a row, closed days included; `None` beyond the years 1 to 9999.
    fn shift(&self, from: Timestamp, n: i64) -> Option<Timestamp> {
        let far = |step: i64| step.checked_mul(n);
        match &self.rule {
            Rule::Rows(rows) => Some(Timestamp { instant: from.instant.checked_add(far(*rows)?)?, ..from }),
            Rule::Every { step, near } => {
                let base = self.base(from);
                let start = near.map_or(base, |near| near + nearest(base, *step, near) * step);
                let time = start.checked_add(far(*step)?)?;
                if *step >= DAY { self.at_clock(time, from) } else { self.at_instant(time, from) }
            }
            Rule::Clock(step) => self.at_clock(from.clock().checked_add(far(*step)?)?, from),
            Rule::Weekdays { open, every } => {
                let days = open.day(open.index(day(from)).checked_add(far(*every)?)?)?;
                self.at_clock(days.checked_mul(DAY)?.checked_add(time_of_day(from))?, from)
            }
            Rule::Week { week, every } => {
                self.at_clock(week.clock(week.index(from.clock()).checked_add(far(*every)?)?)?, from)
            }
            Rule::HalfMonths { days, every } => {
                let index = days.index(from.written().date(), &self.closed).checked_add(far(*every)?)?;
                let date = days.date(index, &self.closed)?;
                self.at_clock(midnight(date).checked_add(time_of_day(from))?, from)
            }
            Rule::Retail(retail) => {
                let days = retail.day(retail.index(day(from))?.checked_add(n)?)?;
                self.at_clock(days.checked_mul(DAY)?.checked_add(time_of_day(from))?, from)
            }
            Rule::Months { every, phase, day } => {
                let start = month_index(from);
                // From a month of another phase, back or on to the one before the first that counts.
                let aside = phase.map_or(0, |phase| (start - phase).rem_euclid(*every));
                let aside = if n < 0 && aside > 0 { aside - every } else { aside };
                let date = day.date((start - aside).checked_add(far(*every)?)?, &self.closed)?;
                self.at_clock(midnight(date).checked_add(time_of_day(from))?, from)
            }
        }
    }

    /// What a fixed interval is counted on.
    fn base(&self, time: Timestamp) -> i64 {
        match self.rule {
            Rule::Every { step, .. } if step >= DAY => time.clock(),
            _ => time.instant,
        }
    }

    fn at_instant(&self, instant: i64, like: Timestamp) -> Option<Timestamp> {
        let offset = self.zone.map_or(like.offset, |zone| offset_at(zone, instant));
        in_range(Timestamp { instant, offset })
    }

    fn at_clock(&self, clock: i64, like: Timestamp) -> Option<Timestamp> {
        let offset = self.zone.map_or(like.offset, |zone| offset_of_clock(zone, clock)[0]);
        let time = self.at_instant(clock.checked_sub(i64::from(offset) * SECOND)?, like)?;
        // Where a clock leaps over midnight, the day begins later, and is called by its date all the same.
        Some(if clock % DAY == 0 { Timestamp { offset, ..time } } else { time })
    }

    /// Days without rows; empty if none are known.
    pub(crate) fn closed(&self) -> &Closed {
        &self.closed
    }

    /// Whose clock times are written by, if it is known.
    pub(crate) fn zone(&self) -> Option<Tz> {
        self.zone
    }

    /// Rejects an interval of time for row numbers, and a number of rows for times.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(&self, kind: TimeKind) -> Result<()> {
        match (kind, matches!(self.rule, Rule::Rows(_))) {
            (TimeKind::RowNumbers, false) => {
                let problem = format!("`{self}`, but the time column holds row numbers");
                Err(Error::config("freq", problem, "a whole number"))
            }
            (TimeKind::Clock { .. }, true) => {
                Err(Error::config("freq", format!("`{self}`, but the time column holds times"), alias::HELP))
            }
            _ => Ok(()),
        }
    }
}

/// The index of the multiple of `step`, counted from `near`, that lies nearest.
fn nearest(time: i64, step: i64, near: i64) -> i64 {
    (time - near + step / 2).div_euclid(step)
}

fn in_range(time: Timestamp) -> Option<Timestamp> {
    (FIRST..=LAST + DAY - 1).contains(&time.clock()).then_some(time)
}

/// Days since 1970 on the written clock.
fn day(time: Timestamp) -> i64 {
    time.clock().div_euclid(DAY)
}

/// Microseconds since midnight on the written clock.
fn time_of_day(time: Timestamp) -> i64 {
    time.clock().rem_euclid(DAY)
}

fn midnight(date: NaiveDate) -> i64 {
    date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() * SECOND
}
