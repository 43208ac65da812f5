//! Finds the calendar of rows: of many candidates, the one that describes the rows in the fewest bits.
//!
//! A description is the calendar itself, then which of its times have no row, then the rows that lie beside it. So a simple calendar
//! wins unless a richer one explains much more: Saturdays and Sundays without rows are two more bits of calendar, or a gap in every
//! week. What other calendars need about as few bits is a guess, and is kept as the rival.

use chrono_tz::Tz;
use rayon::prelude::*;

use super::bits::log2;
use super::candidates::{Rows, round};
use super::{Calendar, Closed, Interval, Rule};
use crate::data::time::{TimeKind, Timestamp};

/// Bits by which a calendar must be better to be certain, or to be a series' own beside that of the panel.
const CERTAIN: f64 = 10.0;
/// Rows of which no series is known by its own, where times without a row are meant: as few may be a month apart by chance.
const FEW: usize = 5;
/// Series that the panel's calendar is found from.
const SAMPLE: usize = 200;

/// The calendars of a panel.
pub(crate) struct Finding {
    /// By series.
    pub of_series: Vec<Calendar>,
    /// That of most series.
    pub main: Calendar,
    /// Other calendars that the rows of the panel fit nearly as well, the best first.
    pub rivals: Vec<Calendar>,
}

/// What is known of all series before their rows are looked at.
pub(crate) struct Known {
    pub kind: TimeKind,
    /// Days without rows.
    pub closed: Closed,
    pub zone: Option<Tz>,
    /// Whether times without a row are meant, as days without a sale are: so many series have one that seems to be regular by chance.
    pub sparse: bool,
    /// Whether these rows are no fewer than those that likely calendars come from, so that what else these fit is all that is known.
    pub whole: bool,
}

/// The calendar of each series. `likely` holds, by series, that of a trained model: it is kept unless the rows say otherwise. `None`
/// if no series has two rows and none is likely.
pub(crate) fn find(series: &[&[Timestamp]], known: &Known, likely: &[Option<Calendar>]) -> Option<Finding> {
    let long: Vec<usize> = (0..series.len()).filter(|one| series[*one].len() > 1).collect();
    let every = long.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&[Timestamp]> = long.iter().step_by(every).map(|one| series[*one]).collect();
    let trained = most_frequent(likely.iter().flatten());
    let (mut main, mut rivals) = match choose(&sample, known, trained.as_ref().map(|trained| (trained, CERTAIN))) {
        Some(chosen) => chosen,
        None => (trained?, Vec::new()),
    };
    let certain = CERTAIN + if known.sparse { log2(long.len() as i64) } else { 0.0 };
    let of_series: Vec<Calendar> = (0..series.len())
        .into_par_iter()
        .map(|one| {
            let expected = likely[one].as_ref().unwrap_or(&main);
            let rows = series[one];
            let whole = rows.windows(2).all(|pair| expected.interval(pair[0], pair[1]) == Interval::Regular)
                && rows.iter().all(|time| expected.holds(rows[0], *time));
            let few = || known.sparse && rows.len() <= FEW && rows.iter().all(|time| expected.holds(rows[0], *time));
            if whole || long.len() == 1 && likely[one].is_none() || few() {
                return expected.clone();
            }
            let own = choose(&[rows], known, Some((expected, certain))).map(|(own, _)| own);
            own.unwrap_or_else(|| expected.clone())
        })
        .collect();
    if let Some(most) =
        most_frequent(of_series.iter().zip(series).filter(|(_, rows)| rows.len() > 1).map(|(one, _)| one))
    {
        main = most;
    }
    rivals.retain(|rival| *rival != main);
    Some(Finding { of_series, main, rivals })
}

/// A fixed interval that was named, on the clock of the zone if the rows keep to that across its changes; where there are none, if a
/// trained model did.
pub(crate) fn kept_on_clock(
    named: &Calendar,
    series: &[&[Timestamp]],
    known: &Known,
    trained: Option<&Calendar>,
) -> Option<Calendar> {
    let Rule::Every { step, near: None } = named.rule else { return None };
    let sample: Vec<&[Timestamp]> = series.iter().copied().filter(|rows| rows.len() > 1).take(SAMPLE).collect();
    let rows = Rows::of(&sample, known)?;
    let clock = rows.calendar(rows.on_clock(step)?);
    let (own, other) = (rows.bits(named), rows.bits(&clock));
    let was = || own == other && trained.is_some_and(|trained| trained.rule == clock.rule);
    (other < own || was()).then_some(clock)
}

/// Of equally frequent ones, the first.
fn most_frequent<'a>(all: impl Iterator<Item = &'a Calendar>) -> Option<Calendar> {
    let mut counts: Vec<(&Calendar, usize)> = Vec::new();
    for one in all {
        match counts.iter_mut().find(|(other, _)| *other == one) {
            Some((_, count)) => *count += 1,
            None => counts.push((one, 1)),
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(one, _)| one.clone())
}

/// The best calendar of these series together, and its rivals; `None` without two rows. What is `expected` costs nothing, and is left
/// only for one that is so many bits better.
fn choose(
    series: &[&[Timestamp]],
    known: &Known,
    expected: Option<(&Calendar, f64)>,
) -> Option<(Calendar, Vec<Calendar>)> {
    let rows = Rows::of(series, known)?;
    let mut all = rows.candidates();
    if let Some((expected, certain)) = expected {
        let own = all.iter().find(|(rule, _)| *rule == expected.rule).map(|(_, bits)| *bits);
        let own = own.filter(|_| known.whole).unwrap_or(0.0);
        all.retain(|(rule, _)| *rule != expected.rule);
        let mut costs = rows.costs(all);
        let bits = rows.bits(expected);
        costs.push((expected.clone(), bits - certain));
        let (best, rivals) = best(&mut costs)?;
        if best != *expected && rows.follows(&best) {
            return Some((best, rivals));
        }
        // As good as without what is expected.
        let near = |(other, cost): &&(Calendar, f64)| other != expected && cost - (bits + own) < CERTAIN;
        return Some((expected.clone(), costs.iter().filter(near).map(|(other, _)| other.clone()).collect()));
    }
    let mut costs = rows.costs(all);
    let (best, rivals) = best(&mut costs)?;
    if rows.follows(&best) {
        return Some((best, rivals));
    }
    // A row a month, on days that no rule has.
    if let Some((months, _)) =
        costs.iter().find(|(own, _)| matches!(own.rule, Rule::Months { .. }) && rows.is_regular(own))
    {
        return Some((months.clone(), [best].into_iter().filter(|best| best != months).collect()));
    }
    Some((rows.calendar(Rule::Every { step: round(rows.median), near: None }), vec![best]))
}

/// Of equally good ones, the first; and those that are nearly as good.
fn best(costs: &mut [(Calendar, f64)]) -> Option<(Calendar, Vec<Calendar>)> {
    costs.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (best, others) = costs.split_first()?;
    let rivals = others.iter().take_while(|(_, bits)| bits - best.1 < CERTAIN).map(|(rival, _)| rival.clone());
    Some((best.0.clone(), rivals.collect()))
}
