//! Axes: ranges, labels, and ticks where the calendar turns.

use chrono::{Datelike, NaiveDateTime, Timelike};
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// The range of the finite values with a margin; never empty.
pub(crate) fn padded_range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return (0.0, 1.0);
    }
    let margin = ((high - low) * 0.06).max(high.abs().max(1e-12) * 1e-6);
    (low - margin, high + margin)
}

/// A number with as many decimals as an axis label needs.
pub(crate) fn short(value: f64) -> String {
    let text = match value.abs() {
        v if v >= 1e6 || (v > 0.0 && v < 1e-4) => return format!("{value:.1e}"),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// The same for an axis from `low` to `high`: with as many decimals as distinguish its labels.
pub(crate) fn short_between(low: f64, high: f64) -> impl Fn(&f64) -> String {
    let apart = round_step(low, high, 10);
    let decimals = if apart > 0.0 { (-apart.log10().floor()).clamp(0.0, 9.0) as usize } else { 0 };
    move |value: &f64| {
        let plain = short(*value);
        let places = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if plain.contains('e') || places >= decimals || apart >= 1.0 { plain } else { format!("{value:.decimals$}") }
    }
}

/// About `count` round values between the two.
pub(crate) fn round_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let step = round_step(low, high, count);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// From one of about `count` round values to the next: 1, 2 or 5 times a power of 10.
fn round_step(low: f64, high: f64, count: usize) -> f64 {
    let raw = (high - low) / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= raw).unwrap_or(raw)
}

/// An axis with its own ticks.
pub(crate) struct Ticked {
    pub from: f64,
    pub to: f64,
    pub ticks: Vec<f64>,
}

impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

pub(crate) type TickLabel = Box<dyn Fn(f64) -> String>;

/// Ticks where the hour, day, month or year turns, at most ten, and what to write at each.
pub(crate) fn time_ticks(times: &[NaiveDateTime], rows: usize) -> (Vec<f64>, TickLabel) {
    const MOST: usize = 10;
    let hours = |t: &NaiveDateTime| t.and_utc().timestamp().div_euclid(3600);
    let days = |t: &NaiveDateTime| i64::from(t.num_days_from_ce());
    let months = |t: &NaiveDateTime| i64::from(t.year()) * 12 + i64::from(t.month0());
    type Turn<'a> = Box<dyn Fn(&NaiveDateTime) -> i64 + 'a>;
    let minutes = [1, 5, 15, 30].map(|n| {
        let turn: Turn = Box::new(move |t| t.and_utc().timestamp().div_euclid(60 * n));
        (turn, "%H:%M")
    });
    let hourly = [1, 3, 6, 12].map(|n| {
        let turn: Turn = Box::new(move |t| hours(t).div_euclid(n));
        (turn, if n < 12 { "%H:%M" } else { "%b %-d %H:%M" })
    });
    let daily = [1, 2, 7, 14].map(|n| {
        let turn: Turn = Box::new(move |t| days(t).div_euclid(n));
        (turn, "%b %-d")
    });
    let monthly = [1, 2, 3, 6].map(|n| {
        let turn: Turn = Box::new(move |t| months(t).div_euclid(n));
        (turn, "%b %Y")
    });
    let yearly = [1, 2, 5, 10, 20, 50, 100].map(|n| {
        let turn: Turn = Box::new(move |t| i64::from(t.year()).div_euclid(n));
        (turn, "%Y")
    });
    for (turn, format) in minutes.into_iter().chain(hourly).chain(daily).chain(monthly).chain(yearly) {
        let starts: Vec<usize> = (1..times.len()).filter(|&i| turn(&times[i]) != turn(&times[i - 1])).collect();
        if (2..=MOST).contains(&starts.len()) {
            let times = times.to_vec();
            let label = move |x: f64| times.get(x as usize).map_or_else(String::new, |t| t.format(format).to_string());
            return (starts.into_iter().map(|i| i as f64).collect(), Box::new(label));
        }
    }
    let step = rows.div_ceil(MOST).max(1);
    let label: TickLabel = match times.to_vec() {
        times if times.is_empty() => Box::new(|x| format!("{x:.0}")),
        times => Box::new(move |x| times.get(x as usize).map_or_else(String::new, stamp)),
    };
    ((0..rows).step_by(step).map(|i| i as f64).collect(), label)
}

/// What the row axis shows.
pub(crate) fn span(times: &[NaiveDateTime]) -> String {
    match (times.first(), times.last()) {
        (Some(first), Some(last)) => format!("time, {} to {}", stamp(first), stamp(last)),
        _ => "row".into(),
    }
}

fn stamp(time: &NaiveDateTime) -> String {
    let midnight = time.num_seconds_from_midnight() == 0;
    time.format(if midnight { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{NaiveDate, TimeDelta};

    #[test]
    fn labels_of_an_axis_differ() {
        let between =
            |low: f64, high: f64| round_ticks(low, high, 8).iter().map(short_between(low, high)).collect::<Vec<_>>();
        for (low, high) in
            [(1.552, 1.561), (0.0, 1.0), (99.9, 100.4), (-3.0, 40.0), (1e-3, 2e-3), (0.0, 1e7), (5.0, 5.00001)]
        {
            let labels = between(low, high);
            assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
        }
        assert_eq!(between(1.552, 1.561)[..2], ["1.552", "1.554"]);
        assert_eq!(between(0.0, 40.0)[..3], ["0", "5", "10"]);
    }

    #[test]
    fn ticks_fall_where_the_calendar_turns() {
        let first = NaiveDate::from_ymd_opt(2013, 12, 22).unwrap().and_hms_opt(5, 0, 0).unwrap();
        let times: Vec<NaiveDateTime> = (0..72).map(|i| first + TimeDelta::hours(i)).collect();
        let (ticks, label) = time_ticks(&times, 72);
        assert!((2..=10).contains(&ticks.len()));
        assert_eq!(label(ticks[0]), "Dec 22 12:00");
        let (ticks, label) = time_ticks(&[], 100);
        assert_eq!((ticks.len(), label(20.0)), (10, "20".to_string()));
    }
}
