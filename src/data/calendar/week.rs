//! Days and times of the week.

use std::sync::Arc;

use chrono::Weekday;

use crate::data::time::DAY;

/// Microseconds of a week.
const WEEK: i64 = 7 * DAY;
/// 1969-12-29, the Monday before 1970, in days since then.
const MONDAY: i64 = -3;

/// Weekdays, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Weekdays(u8);

impl Weekdays {
    /// Monday to Friday.
    pub(crate) const BUSINESS: Weekdays = Weekdays(0b001_1111);
    /// All seven.
    pub(crate) const ALL: Weekdays = Weekdays(0b111_1111);

    /// Those for which `open` holds, Monday 0; `None` if none.
    pub(crate) fn of(open: impl Fn(usize) -> bool) -> Option<Weekdays> {
        let bits = (0..7).filter(|day| open(*day)).fold(0, |bits, day| bits | 1 << day);
        (bits != 0).then_some(Weekdays(bits))
    }

    pub(crate) fn one(day: Weekday) -> Weekdays {
        Weekdays(1 << day.num_days_from_monday())
    }

    pub(crate) fn has(self, weekday: usize) -> bool {
        self.0 >> weekday & 1 == 1
    }

    pub(crate) fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Monday 0.
    pub(crate) fn days(self) -> impl Iterator<Item = usize> {
        (0..7).filter(move |day| self.has(*day))
    }

    /// Whether a day, counted since 1970, is one of them.
    pub(super) fn holds(self, day: i64) -> bool {
        self.has(weekday(day))
    }

    /// How many such days there are from the first week on up to this day, itself included.
    pub(super) fn index(self, day: i64) -> i64 {
        let week = (day - MONDAY).div_euclid(7);
        let before = self.days().filter(|open| *open <= weekday(day)).count() as i64;
        week * self.count() as i64 + before - 1
    }

    /// The day of an index.
    pub(super) fn day(self, index: i64) -> Option<i64> {
        let (count, place) = (self.count() as i64, self.days().nth(index.rem_euclid(self.count() as i64) as usize)?);
        index.div_euclid(count).checked_mul(7)?.checked_add(MONDAY + place as i64)
    }
}

/// Monday 0, of a day since 1970.
pub(super) fn weekday(day: i64) -> usize {
    (day - MONDAY).rem_euclid(7) as usize
}

/// Times of the week, at least one: microseconds since Monday's midnight, rising.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Week(Arc<[i64]>);

impl Week {
    /// `None` without a time.
    pub(crate) fn of(mut times: Vec<i64>) -> Option<Week> {
        times.retain(|time| (0..WEEK).contains(time));
        times.sort_unstable();
        times.dedup();
        (!times.is_empty()).then(|| Week(times.into()))
    }

    /// The time of the week that a clock shows.
    pub(super) fn place(clock: i64) -> i64 {
        (clock - MONDAY * DAY).rem_euclid(WEEK)
    }

    pub(crate) fn times(&self) -> &[i64] {
        &self.0
    }

    /// The times of a weekday, since its midnight.
    pub(crate) fn of_day(&self, weekday: usize) -> Vec<i64> {
        let start = weekday as i64 * DAY;
        self.0.iter().map(|time| time - start).filter(|time| (0..DAY).contains(time)).collect()
    }

    /// The most frequent distance within a day, the smaller of equals; of one time a day, a day.
    pub(super) fn step(&self) -> i64 {
        let mut apart: Vec<i64> =
            self.0.windows(2).filter(|pair| pair[0] / DAY == pair[1] / DAY).map(|pair| pair[1] - pair[0]).collect();
        apart.sort_unstable();
        let runs = apart.chunk_by(|a, b| a == b);
        runs.rev().max_by_key(|run| run.len()).map_or(DAY, |run| run[0])
    }

    pub(super) fn holds(&self, clock: i64) -> bool {
        self.0.binary_search(&Week::place(clock)).is_ok()
    }

    /// How many such times there are from the first week on up to this clock, itself included.
    pub(super) fn index(&self, clock: i64) -> i64 {
        let week = (clock - MONDAY * DAY).div_euclid(WEEK);
        let before = self.0.partition_point(|time| *time <= Week::place(clock)) as i64;
        week * self.0.len() as i64 + before - 1
    }

    /// The clock at an index.
    pub(super) fn clock(&self, index: i64) -> Option<i64> {
        let count = self.0.len() as i64;
        let place = self.0[index.rem_euclid(count) as usize];
        index.div_euclid(count).checked_mul(WEEK)?.checked_add(MONDAY * DAY + place)
    }
}
