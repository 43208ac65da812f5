//! Calendars that rows may have: the rules that come into question, and what each costs.

use std::collections::HashMap;

use chrono::{Datelike, Weekday};

use super::bits::{beside, bits, bits_of_days, bits_of_step, bits_of_week, log2};
use super::find::Known;
use super::retail::date;
use super::{Calendar, HalfMonths, Interval, MonthDay, Retail, Rule, Week, Weekdays, Weeks, Year, YearEnd, day};
use crate::data::time::{DAY, HOUR, MINUTE, SECOND, TimeKind, Timestamp, month_index};

/// Days and times of day are tried without those that occur as rarely as this, in twentieths of the most frequent one.
const RARE: [usize; 4] = [0, 1, 4, 10];

/// What candidates are made from.
pub(super) struct Rows<'a> {
    series: &'a [&'a [Timestamp]],
    known: &'a Known,
    /// Distances between rows that follow one another, the most frequent first, the smaller of equals.
    distances: Vec<(i64, usize)>,
    /// Of all distances.
    pub(super) median: i64,
    /// The greatest length of which all distances are multiples.
    unit: i64,
}

impl<'a> Rows<'a> {
    pub(super) fn of(series: &'a [&'a [Timestamp]], known: &'a Known) -> Option<Rows<'a>> {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        for rows in series {
            for pair in rows.windows(2) {
                let apart = pair[1].instant - pair[0].instant;
                // Days are counted on the clock.
                let apart = if apart > 20 * HOUR { pair[1].clock() - pair[0].clock() } else { apart };
                *counts.entry(apart).or_default() += 1;
            }
        }
        let mut distances: Vec<(i64, usize)> = counts.into_iter().filter(|(apart, _)| *apart > 0).collect();
        let unit = distances.iter().fold(0, |unit, (apart, _)| gcd(unit, *apart));
        distances.sort_unstable();
        let pairs: usize = distances.iter().map(|(_, count)| count).sum();
        let mut before = 0;
        let median = distances.iter().find(|(_, count)| {
            before += count;
            2 * before >= pairs
        });
        let median = median?.0;
        distances.sort_by_key(|(apart, count)| (std::cmp::Reverse(*count), *apart));
        Some(Rows { series, known, distances, median, unit })
    }

    fn stamps(&self) -> impl Iterator<Item = Timestamp> {
        self.series.iter().flat_map(|rows| rows.iter().copied())
    }

    fn pairs(&self) -> usize {
        self.distances.iter().map(|(_, count)| count).sum()
    }

    /// Rules, and the bits that each takes to say, the simplest first.
    pub(super) fn candidates(&self) -> Vec<(Rule, f64)> {
        let steps = self.steps();
        if self.known.kind == TimeKind::RowNumbers {
            return steps.into_iter().map(|step| (Rule::Rows(step), 3.0 + log2(step))).collect();
        }
        let mut all: Vec<(Rule, f64)> =
            steps.iter().map(|step| (Rule::Every { step: *step, near: None }, bits_of_step(*step))).collect();
        all.extend(steps.iter().filter_map(|step| Some((self.on_clock(*step)?, bits_of_step(*step)))));
        let usual = self.distances[0].0;
        if self.distances.iter().take(3).any(|(apart, _)| *apart >= 27 * DAY) {
            all.extend(self.months());
        }
        if self.distances.iter().take(2).map(|(apart, _)| apart / DAY).eq([28, 35]) {
            all.extend(self.retail());
        }
        if (7..=24).any(|days| usual == days * DAY) {
            all.extend(self.half_months());
        }
        if usual > 20 * HOUR && usual < 7 * DAY {
            all.extend(self.weekdays());
        }
        if (2 * DAY..28 * DAY).contains(&usual) {
            all.extend(self.business_days());
        }
        if usual < DAY && self.unit >= SECOND {
            all.extend(self.weeks(usual));
        }
        // Where most rows are one distance apart, the others are gaps.
        if self.distances[0].1 * 10 < self.pairs() * 8 {
            all.extend(self.near());
        }
        all
    }

    /// The most frequent distances, and the one that divides all, if it is a usual one itself.
    fn steps(&self) -> Vec<i64> {
        let mut steps: Vec<i64> = self.distances.iter().take(3).map(|(apart, _)| *apart).collect();
        let count = self.distances.iter().find(|(apart, _)| *apart == self.unit).map_or(0, |(_, count)| *count);
        // What lies about a month apart is no row of days.
        let occurs = count > 0 || self.median < 27 * DAY;
        if self.unit >= DAY && occurs || self.known.kind == TimeKind::RowNumbers || count * 10 > self.pairs() {
            steps.push(self.unit);
        }
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// A step on the zone's clock, if rows that keep to that lie otherwise after its changes: those of the rows, else of an hour.
    pub(super) fn on_clock(&self, step: i64) -> Option<Rule> {
        self.known.zone?;
        let pairs = self.series.iter().flat_map(|rows| rows.windows(2));
        let change = pairs.fold(0, |unit, pair| gcd(unit, i64::from(pair[1].offset - pair[0].offset).abs() * SECOND));
        let change = if change == 0 { HOUR } else { change };
        ((MINUTE..DAY).contains(&step) && DAY % step == 0 && change % step != 0).then_some(Rule::Clock(step))
    }

    fn months(&self) -> Vec<(Rule, f64)> {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        for pair in self.series.iter().flat_map(|rows| rows.windows(2)) {
            *counts.entry(month_index(pair[1]) - month_index(pair[0])).or_default() += 1;
        }
        counts.remove(&0);
        let usual = counts.iter().max_by_key(|(apart, count)| (**count, -**apart)).map(|(apart, _)| *apart);
        let unit = counts.keys().fold(0, |unit, apart| gcd(unit, *apart));
        let mut lengths: Vec<i64> = usual.into_iter().chain([unit]).filter(|length| *length > 0).collect();
        lengths.dedup();
        let (mut days, mut weekdays) = ([0usize; 32], [0usize; 7]);
        for time in self.stamps() {
            days[time.written().day() as usize] += 1;
            weekdays[time.written().weekday().num_days_from_monday() as usize] += 1;
        }
        let latest = (1..32).rev().find(|day| days[*day as usize] > 0).unwrap_or(1);
        let common = (1..32).max_by_key(|day| (days[*day as usize], 32 - day)).unwrap_or(1);
        let mut on = vec![
            (MonthDay::Day(1), 2.0),
            (MonthDay::Last, 3.0),
            (MonthDay::LastBusiness, 5.0),
            (MonthDay::FirstBusiness, 5.0),
        ];
        on.extend([latest, common].iter().filter(|day| **day > 1).map(|day| (MonthDay::Day(*day), 6.0)));
        let earliest = (1..32).find(|day| days[*day as usize] > 0).unwrap_or(1);
        if earliest < latest && weekdays[5] + weekdays[6] == 0 {
            on.extend((earliest > 1).then_some((MonthDay::OrNext(earliest), 8.0)));
            on.extend((latest < 28).then_some((MonthDay::OrPrevious(latest), 8.0)));
        }
        if let Some(one) = (0..7).find(|day| weekdays[*day] > 0 && weekdays.iter().sum::<usize>() == weekdays[*day]) {
            const ALL: [Weekday; 7] =
                [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
            on.push((MonthDay::Nth(((common - 1) / 7 + 1) as u8, ALL[one]), 8.0));
            on.push((MonthDay::LastWeekday(ALL[one]), 8.0));
        }
        let bits = |length: i64| match length {
            1 => 1.0,
            3 | 12 => 2.0,
            _ => 3.0 + log2(length),
        };
        let of = |length: &i64| {
            let length = *length;
            on.clone()
                .into_iter()
                .map(move |(day, more)| (Rule::Months { every: length, phase: None, day }, bits(length) + more))
        };
        lengths.iter().flat_map(of).collect()
    }

    /// Periods of 4, 4 and 5 weeks, where rows have one weekday: of years of 52 weeks, and of those that end near a month's end.
    fn retail(&self) -> Vec<(Rule, f64)> {
        let Some(rows) = self.series.iter().max_by_key(|rows| rows.len()) else { return Vec::new() };
        // A period of 5 weeks ends where the next one begins.
        let five =
            rows.windows(2).find(|pair| day(pair[1]) - day(pair[0]) == 35).map_or(day(rows[0]), |pair| day(pair[1]));
        let mut all: Vec<(Rule, f64)> = Vec::new();
        for first in [false, true] {
            let end = five - i64::from(first);
            let more = if first { 1.0 } else { 0.0 };
            all.push((Rule::Retail(Retail::always_52(Weeks::ALL[0], end, first)), 8.0 + more));
            let Some(weekday) = date(end).map(|date| date.weekday()) else { continue };
            for (on, month) in
                [YearEnd::Nearest, YearEnd::Last].into_iter().flat_map(|on| (1..=12).map(move |month| (on, month)))
            {
                // That of shops in the United States.
                let bits = if (on, month, weekday) == (YearEnd::Nearest, 1, Weekday::Sat) { 10.0 } else { 14.0 };
                let of = |weeks| Rule::Retail(Retail { weeks, year: Year::Ends { on, month, weekday }, first });
                all.extend(Weeks::ALL.map(|weeks| (of(weeks), bits + more)));
            }
        }
        // Most of them are contradicted by the first rows.
        let first = &rows[..rows.len().min(24)];
        let holds = |calendar: Calendar| first.iter().filter(|row| calendar.holds(first[0], **row)).count();
        all.retain(|(rule, _)| 4 * holds(self.calendar(rule.clone())) >= 3 * first.len());
        all.retain(|(rule, _)| match rule {
            Rule::Retail(retail) => matches!(retail.year, Year::Always52(_)) || self.shows_long_year(*retail, rows),
            _ => true,
        });
        all
    }

    /// Whether rows show a year of 53 weeks: one step, or what lies between two rows and two others. A single row beyond a gap may as
    /// well lie beside the calendar.
    fn shows_long_year(&self, retail: Retail, rows: &[Timestamp]) -> bool {
        let calendar = self.calendar(Rule::Retail(retail));
        let shows = |place: usize| {
            let (before, after) = (rows[place], rows[place + 1]);
            let inner = place > 0 && place + 2 < rows.len();
            retail.has_long_year(day(before), day(after))
                && (inner || calendar.interval(before, after) == Interval::Regular)
        };
        (0..rows.len().saturating_sub(1)).any(shows)
    }

    /// The first or last day of months, and the other day on which most rows lie.
    fn half_months(&self) -> Vec<(Rule, f64)> {
        let mut days = [0usize; 32];
        self.stamps().for_each(|time| days[time.written().day() as usize] += 1);
        let other = (2..28).max_by_key(|day| (days[*day as usize], 32 - day)).unwrap_or(15);
        let of = |days: [MonthDay; 2]| {
            (Rule::HalfMonths { days: HalfMonths(days), every: 1 }, if other == 15 { 6.0 } else { 9.0 })
        };
        vec![of([MonthDay::Day(1), MonthDay::Day(other)]), of([MonthDay::Day(other), MonthDay::Last])]
    }

    /// Sets of the weekdays that occur.
    fn weekdays(&self) -> Vec<(Rule, f64)> {
        let mut counts = [0usize; 7];
        self.stamps().for_each(|time| counts[super::week::weekday(day(time))] += 1);
        let most = counts.into_iter().max().unwrap_or(0);
        let often = RARE.map(|rare| Weekdays::of(|day| counts[day] > 0 && counts[day] * 20 > rare * most));
        let mut sets: Vec<Weekdays> = often.into_iter().chain([Some(Weekdays::BUSINESS)]).flatten().collect();
        sets.sort_by_key(|open| std::cmp::Reverse(open.count()));
        sets.dedup();
        sets.retain(|open| (2..7).contains(&open.count()));
        sets.into_iter().map(|open| (Rule::Weekdays { open, every: 1 }, bits_of_days(open))).collect()
    }

    /// The most frequent distance in business days, where all rows are on such days and it is more than one.
    fn business_days(&self) -> Option<(Rule, f64)> {
        let open = Weekdays::BUSINESS;
        let mut counts: HashMap<i64, usize> = HashMap::new();
        for pair in self.series.iter().flat_map(|rows| rows.windows(2)) {
            *counts.entry(open.index(day(pair[1])) - open.index(day(pair[0]))).or_default() += 1;
        }
        let every = counts.into_iter().max_by_key(|(apart, count)| (*count, -apart)).map(|(apart, _)| apart)?;
        let fits = (2..=20).contains(&every) && self.stamps().all(|time| open.holds(day(time)));
        fits.then(|| (Rule::Weekdays { open, every }, bits_of_days(open) + 3.0 + log2(every)))
    }

    /// Opening hours: the same on all open days, or by weekday; with and without the times that occur rarely.
    fn weeks(&self, step: i64) -> Vec<(Rule, f64)> {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        self.stamps().for_each(|time| *counts.entry(Week::place(time.clock())).or_default() += 1);
        if counts.len() > 100_000 {
            return Vec::new();
        }
        let (mut by_day, mut by_time) = ([0usize; 7], HashMap::<i64, usize>::new());
        for (place, count) in &counts {
            by_day[(place / DAY) as usize] += count;
            *by_time.entry(place % DAY).or_default() += count;
        }
        let seen = self.weekdays_seen();
        let often = |counts: &mut dyn Iterator<Item = usize>| counts.max().unwrap_or(0);
        let most = [
            often(&mut counts.values().copied()),
            often(&mut by_day.into_iter()),
            often(&mut by_time.values().copied()),
        ];
        let mut weeks: Vec<Week> = Vec::new();
        for rare in RARE {
            let kept = |count: usize, most: usize| count > 0 && count * 20 > rare * most;
            weeks
                .extend(Week::of(counts.iter().filter(|(_, n)| kept(**n, most[0])).map(|(place, _)| *place).collect()));
            for unseen in [Weekdays::ALL, Weekdays::BUSINESS] {
                let open = |day: &i64| match seen.has(*day as usize) {
                    true => kept(by_day[*day as usize], most[1]),
                    false => unseen.has(*day as usize),
                };
                let times: Vec<i64> =
                    by_time.iter().filter(|(_, n)| kept(**n, most[2])).map(|(time, _)| *time).collect();
                let times =
                    (0..7).filter(open).flat_map(|day| times.iter().map(move |time| day * DAY + time)).collect();
                weeks.extend(Week::of(times));
            }
        }
        // Times that never come again are no opening hours.
        let repeats = |week: &Week| 2 * by_time.len().min(week.times().len()) <= self.stamps().count();
        weeks.retain(|week| (week.times().len() as i64) < 7 * DAY / step && week.times().len() > 1 && repeats(week));
        let mut found: Vec<(Rule, f64)> = Vec::new();
        for week in weeks {
            let bits = bits_of_week(&week, step);
            let rule = Rule::Week { week, every: 1 };
            if found.iter().all(|(other, _)| *other != rule) {
                found.push((rule, bits));
            }
        }
        found
    }

    /// The weekdays between the first row and the last.
    fn weekdays_seen(&self) -> Weekdays {
        let (first, last) = (self.stamps().map(day).min().unwrap_or(0), self.stamps().map(day).max().unwrap_or(0));
        let week = first..=last.min(first + 6);
        Weekdays::of(|weekday| week.clone().any(|day| super::week::weekday(day) == weekday)).unwrap_or(Weekdays::ALL)
    }

    /// Intervals that rows lie near, at the full minute or hour or where most rows lie.
    fn near(&self) -> Vec<(Rule, f64)> {
        let step = round(self.median);
        let base = |time: Timestamp| if step >= DAY { time.clock() } else { time.instant };
        let mut counts: HashMap<i64, usize> = HashMap::new();
        self.stamps().for_each(|time| *counts.entry(base(time).rem_euclid(step)).or_default() += 1);
        let usual = counts.into_iter().max_by_key(|(place, count)| (*count, -place)).map_or(0, |(place, _)| place);
        let mut places = vec![0, usual];
        places.dedup();
        let rule = |near: i64| {
            (Rule::Every { step, near: Some(near) }, bits_of_step(step) + if near == 0 { 2.0 } else { 8.0 })
        };
        places.into_iter().map(rule).collect()
    }

    pub(super) fn calendar(&self, rule: Rule) -> Calendar {
        Calendar { rule, closed: self.known.closed.clone(), zone: self.known.zone }
    }

    pub(super) fn costs(&self, all: Vec<(Rule, f64)>) -> Vec<(Calendar, f64)> {
        let cost = |(rule, bits)| {
            let calendar = self.calendar(rule);
            let bits = bits + self.bits(&calendar);
            (calendar, bits)
        };
        all.into_iter().map(cost).collect()
    }

    /// What describes the rows, if the calendar is known.
    pub(super) fn bits(&self, calendar: &Calendar) -> f64 {
        self.series.iter().map(|rows| bits(calendar, rows, self.unit)).sum()
    }

    /// Whether most rows are one step after the row before them.
    pub(super) fn is_regular(&self, calendar: &Calendar) -> bool {
        let pairs = self.series.iter().flat_map(|rows| rows.windows(2));
        let regular = pairs.filter(|pair| calendar.interval(pair[0], pair[1]) == Interval::Regular).count();
        4 * regular >= 3 * self.pairs()
    }

    /// Whether the calendar explains most rows: where it does not, there is none.
    pub(super) fn follows(&self, calendar: &Calendar) -> bool {
        if self.known.kind == TimeKind::RowNumbers {
            return true;
        }
        let beside: usize = self.series.iter().map(|rows| beside(calendar, rows)).sum();
        4 * beside <= self.stamps().count()
    }
}

/// A step that people choose, if there is one near.
pub(super) fn round(step: i64) -> i64 {
    let parts = |unit: i64, counts: &[i64]| counts.iter().map(|count| count * unit).collect::<Vec<_>>();
    let usual = [
        parts(SECOND / 1000, &[1, 2, 5, 10, 20, 25, 40, 50, 100, 200, 250, 500]),
        parts(SECOND, &[1, 2, 5, 10, 15, 20, 30]),
        parts(MINUTE, &[1, 2, 5, 10, 15, 20, 30]),
        parts(HOUR, &[1, 2, 3, 4, 6, 8, 12]),
        parts(DAY, &[1, 7, 14]),
    ];
    let near = usual.into_iter().flatten().min_by_key(|usual| (usual - step).abs()).unwrap_or(step);
    if (near - step).abs() * 5 <= step { near } else { step }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_steps_are_taken_if_they_are_near() {
        assert_eq!([round(62 * SECOND), round(58 * MINUTE), round(33 * DAY)], [MINUTE, HOUR, 33 * DAY]);
        assert_eq!(round(45 * MINUTE), 45 * MINUTE);
    }
}
