//! What a description of rows takes, in bits: the calendar itself, which of its times have no row, and the rows beside it.

use super::words::{alike, runs};
use super::{Calendar, Rule, Week, Weekdays, nearest};
use crate::data::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

/// Bits that a row beside the calendar costs.
const BESIDE: f64 = 16.0;

/// A row of the calendar: one that the next follows by one step.
fn anchor(calendar: &Calendar, rows: &[Timestamp]) -> Timestamp {
    let regular = rows.windows(2).find(|pair| {
        calendar.steps(pair[0], pair[1]) == Some(1)
            && calendar.holds(pair[0], pair[0])
            && calendar.holds(pair[0], pair[1])
    });
    regular.map_or(rows[0], |pair| pair[0])
}

/// How many rows lie beside the calendar.
pub(crate) fn beside(calendar: &Calendar, rows: &[Timestamp]) -> usize {
    if rows.is_empty() {
        return 0;
    }
    let anchor = anchor(calendar, rows);
    rows.iter().filter(|time| !calendar.holds(anchor, **time)).count()
}

pub(super) fn bits(calendar: &Calendar, rows: &[Timestamp], unit: i64) -> f64 {
    if rows.len() < 2 {
        return 0.0;
    }
    let anchor = anchor(calendar, rows);
    let mut on = rows.iter().filter(|time| calendar.holds(anchor, **time));
    let Some(first) = on.next() else { return f64::INFINITY };
    let (count, last) = on.fold((1, first), |(count, _), time| (count + 1, time));
    let times = if count == 1 { 1 } else { calendar.steps(*first, *last).map_or(count, |steps| steps + 1).max(count) };
    let aside = match &calendar.rule {
        Rule::Every { step, near: Some(near) } => {
            let apart = |time: &Timestamp| {
                let base = calendar.base(*time);
                (base - near - nearest(base, *step, *near) * step).abs()
            };
            let moved = rows.iter().filter(|time| apart(time) > 0).count() as i64;
            let most = rows.iter().map(apart).max().unwrap_or(0) / unit.max(1);
            let twice = rows.windows(2).filter(|pair| calendar.steps(pair[0], pair[1]).is_none()).count() as f64;
            choices(rows.len() as i64, moved) + moved as f64 * log2(2 * most) + twice * BESIDE
        }
        _ => 0.0,
    };
    choices(times, count) + aside + (rows.len() as i64 - count) as f64 * BESIDE
}

/// Bits that say which `some` of `all` are meant: their number, then which.
fn choices(all: i64, some: i64) -> f64 {
    let factorial = |n: i64| libm::lgamma(n as f64 + 1.0);
    let which = (factorial(all) - factorial(some) - factorial(all - some)) / std::f64::consts::LN_2;
    log2(all + 1) + which.max(0.0)
}

pub(super) fn log2(number: i64) -> f64 {
    (number.max(1) as f64).log2()
}

/// A usual step takes few bits.
pub(super) fn bits_of_step(step: i64) -> f64 {
    const UNITS: [(i64, i64); 6] =
        [(7 * DAY, 52), (DAY, 365), (HOUR, 24), (MINUTE, 60), (SECOND, 60), (SECOND / 1000, 1000)];
    let Some((unit, whole)) = UNITS.into_iter().find(|(unit, _)| step % unit == 0) else { return 8.0 + log2(step) };
    match step / unit {
        1 => 3.0,
        count if whole % count == 0 => 5.0,
        count => 6.0 + log2(count),
    }
}

pub(super) fn bits_of_days(open: Weekdays) -> f64 {
    match open {
        Weekdays::ALL => 2.0,
        Weekdays::BUSINESS => 6.0,
        _ => 9.0,
    }
}

pub(super) fn bits_of_week(week: &Week, step: i64) -> f64 {
    let run = 3.0 + 2.0 * log2(DAY / step);
    alike(week).iter().map(|(days, times)| bits_of_days(*days) + run * runs(times).len() as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_counted_in_bits() {
        assert!((choices(7, 0) - 3.0).abs() < 1e-9);
        assert!((choices(3, 1) - 2.0 - 3f64.log2()).abs() < 1e-9);
    }
}
