//! The calendar of each series: the one that was named, the trained model's, or that of the rows.

use super::calendar::{Calendar, Closed, Finding, Interval, Known, beside, find, kept_on_clock};
use super::count::{counted, grouped};
use super::fitted::Fitted;
use super::frame::Frame;
use super::holidays;
use super::options::{DataOptions, FillMissing, Gaps};
use super::series::RawSeries;
use super::step::Step;
use super::time::Timestamp;
use crate::error::{Error, Result, Text};

/// How a panel's times go on.
pub(crate) struct Calendars {
    /// That of most series.
    pub main: Calendar,
    /// Others that the rows fit nearly as well.
    pub rivals: Vec<Calendar>,
}

/// Gives every series its calendar. `closed` are days without rows that are known, where no file of them is named.
///
/// # Errors
/// No series has two rows; a calendar that is none of such times.
pub(super) fn settle(
    frame: &Frame,
    series: &mut [RawSeries],
    options: &DataOptions,
    (fitted, closed): (Option<&Fitted>, Option<Closed>),
    notices: &mut Vec<Text>,
) -> Result<Calendars> {
    let closed = match (&options.holidays, closed) {
        (Some(file), _) => holidays::read(file, &frame.times, options.time_format.as_deref(), notices)?,
        (None, Some(closed)) if !closed.is_empty() => {
            notices.push(format!("{} without rows, as in training", counted(closed.len(), "day")).into());
            closed
        }
        (None, _) => Closed::default(),
    };
    let zone = frame.times.zone;
    if let Some(named) = &options.freq {
        named.check(frame.times.kind)?;
        let main = named.clone().with(&closed, zone);
        let stamps: Vec<&[Timestamp]> = series.iter().map(|one| &one.stamps[..]).collect();
        let known = Known { kind: frame.times.kind, closed, zone, sparse: false, whole: true };
        let trained = fitted.and_then(|fitted| fitted.usual.as_ref());
        let main = match kept_on_clock(&main, &stamps, &known, trained) {
            Some(clock) => {
                let line = format!(
                    "‹freq {named}› is counted on the clock, to which the rows keep across its changes: {}",
                    clock.words()
                );
                notices.push(line.into());
                clock
            }
            None => main,
        };
        series.iter_mut().for_each(|one| one.calendar = main.clone());
        notices.extend(rows_on_closed_days(frame, series));
        notices.extend(rows_beside(frame, series, true));
        return Ok(Calendars { main, rivals: Vec::new() });
    }
    let stamps: Vec<&[Timestamp]> = series.iter().map(|one| &one.stamps[..]).collect();
    let trained = fitted.map(|fitted| fitted.calendars(series.iter().map(|one| one.id.as_str())));
    let likely = trained.unwrap_or_else(|| vec![None; series.len()]);
    let likely: Vec<Option<Calendar>> = likely
        .into_iter()
        .map(|one| one.map(|one| one.with(&closed, zone)).filter(|one| one.check(frame.times.kind).is_ok()))
        .collect();
    let is_filled = options.fill_missing == Some(FillMissing::Zero);
    let rows: usize = series.iter().map(RawSeries::rows).sum();
    let whole = fitted.is_none_or(|fitted| rows >= fitted.rows);
    let known = Known { kind: frame.times.kind, closed, zone, sparse: is_filled, whole };
    let Finding { of_series, main, rivals } = find(&stamps, &known, &likely).ok_or_else(|| {
        let help = "give a longer file, or the interval by ‹freq›; ‹id-column› may name the wrong column";
        Error::data(frame.file(), "no series has two rows", help)
    })?;
    series.iter_mut().zip(of_series).for_each(|(one, own)| one.calendar = own);
    let zeros = if is_filled { ", and gets rows of 0 by its own" } else { "" };
    notices.extend(rows_on_closed_days(frame, series));
    notices
        .extend(several(series, &main).map(|groups| {
            format!("sampling steps differ, and each series goes on by its own{zeros}: {groups}").into()
        }));
    notices.extend(rows_beside(frame, series, false));
    notices.extend(no_53rd_week(series));
    let is_whole = is_filled || options.gaps == Some(Gaps::Fill);
    notices
        .extend(guess(frame, series).or_else(|| sparse(series).or_else(|| alternating(series)).filter(|_| !is_whole)));
    Ok(Calendars { main, rivals })
}

/// Which calendars series have, that of most first, if there are several.
fn several(series: &[RawSeries], main: &Calendar) -> Option<String> {
    let mut groups: Vec<(&Calendar, Vec<&str>)> = Vec::new();
    for one in series {
        match groups.iter_mut().find(|(calendar, _)| *calendar == &one.calendar) {
            Some((_, ids)) => ids.push(&one.id),
            None => groups.push((&one.calendar, vec![&one.id])),
        }
    }
    if groups.len() < 2 {
        return None;
    }
    groups.sort_by_key(|(calendar, ids)| (*calendar != main, std::cmp::Reverse(ids.len())));
    let group = |(calendar, ids): &(&Calendar, Vec<&str>)| {
        let more = if ids.len() > 3 { ", …" } else { "" };
        let named: Vec<String> = ids.iter().take(3).map(|id| format!("`{id}`")).collect();
        format!("{} in {} series ({}{more})", calendar.words(), ids.len(), named.join(", "))
    };
    let more = if groups.len() > 6 { format!("; and {} more", groups.len() - 6) } else { String::new() };
    let shown: Vec<String> = groups.iter().take(6).map(group).collect();
    Some(format!("{}{more}", shown.join("; ")))
}

/// That years of 53 weeks come, and when is not known.
fn no_53rd_week(series: &[RawSeries]) -> Option<Text> {
    let one = series.iter().find(|one| one.calendar.lacks_53rd_weeks())?;
    let line = format!(
        "when a year has a 53rd week is not known, as no year of the rows has one{}: years go on with 52 weeks; ‹freq› names the day \
         that years end on, as 445E-N-JAN-SAT does (periods of 4, 4 and 5 weeks by their last days, the Saturday nearest to the \
         end of January)",
        one.suffix()
    );
    Some(line.into())
}

/// Rows on days that are said to have none.
fn rows_on_closed_days(frame: &Frame, series: &[RawSeries]) -> Option<Text> {
    let closed = || series.iter().flat_map(|one| one.stamps.iter().filter(move |time| one.calendar.is_closed(**time)));
    let first = closed().next()?;
    let rows = counted(closed().count(), "row");
    Some(format!("{rows} on days that ‹holidays› says have none, as {}", frame.label(*first)).into())
}

/// That no known calendar explains the rows: more than one in ten is none of the calendar's times, or of a fixed interval no whole number
/// of steps after the row before. Rows within a quarter of a step are on it.
fn guess(frame: &Frame, series: &[RawSeries]) -> Option<Text> {
    let mut unexplained = series.iter().filter_map(|one| {
        let anchored = one.calendar.is_day_rule() || one.calendar.is_near();
        let is_off = |row: &usize| match anchored {
            true => !one.calendar.holds(one.stamps[0], one.stamps[*row]),
            false => one.calendar.interval(one.stamps[row - 1], one.stamps[*row]) == Interval::Irregular,
        };
        let off: Vec<usize> = (1..one.rows()).filter(is_off).collect();
        let count = if anchored { beside(&one.calendar, &one.stamps) } else { off.len() };
        (10 * count > one.rows()).then(|| (one, count, one.stamps[off.first().copied().unwrap_or(0)]))
    });
    let (one, count, time) = unexplained.next()?;
    let more = match unexplained.count() {
        0 => String::new(),
        others => format!(", and so in {others} more series"),
    };
    Some(
        format!(
            "{} of {}{} follow no known calendar, as {}{more}: the dates of forecasts are a guess, {} after one another; ‹freq› names \
             another calendar, and row numbers in place of times need none",
            count,
            counted(one.rows(), "row"),
            one.suffix(),
            frame.label(time),
            one.calendar.words()
        )
        .into(),
    )
}

/// Pauses that say nothing of how times go on.
const PAUSES: usize = 2;

/// That most times of a calendar have no row, and not for a pause or two: more than half, of months more than one in five. Series of one
/// calendar are counted together.
fn sparse(series: &[RawSeries]) -> Option<Text> {
    let mut counts: Vec<(&Calendar, [usize; 3])> = Vec::new();
    for one in series {
        let missing = |pair: &[Timestamp]| match one.calendar.interval(pair[0], pair[1]) {
            Interval::Missing(missing) => usize::try_from(missing).ok(),
            Interval::Regular | Interval::Irregular => None,
        };
        let (gaps, absent) = one
            .stamps
            .windows(2)
            .filter_map(missing)
            .fold((0, 0usize), |(gaps, all), missing| (gaps + 1, all.saturating_add(missing)));
        let place = counts.iter().position(|(other, _)| *other == &one.calendar).unwrap_or(counts.len());
        if place == counts.len() {
            counts.push((&one.calendar, [0; 3]));
        }
        let all = &mut counts[place].1;
        *all = [all[0] + gaps, all[1].saturating_add(absent), all[2].saturating_add(absent).saturating_add(one.rows())];
    }
    let is_sparse = |(calendar, [gaps, absent, all]): &&(&Calendar, [usize; 3])| {
        let bound = if matches!(calendar.step(), Step::Months(_)) { 5 } else { 2 };
        *gaps > PAUSES && absent.saturating_mul(bound) > *all
    };
    let (calendar, [_, absent, all]) = counts.iter().find(is_sparse)?;
    Some(
        format!(
            "{} of {} times by a step of {} have no row: the dates of forecasts are a guess, {} after one another; ‹freq› names another \
             calendar, or settles this one, and ‹gaps fill› or ‹fill-missing zero› inserts the rows",
            grouped(*absent),
            grouped(*all),
            calendar.words(),
            calendar.words()
        )
        .into(),
    )
}

/// That rows come in runs of one length, with gaps of one length between: so shifts of four days on and four days off are, of which
/// there is no calendar.
fn alternating(series: &[RawSeries]) -> Option<Text> {
    // A month of each year without a row is a pause.
    let shorter = series.iter().filter(|one| !matches!(one.calendar.step(), Step::Months(_)));
    let (one, run, gap) = shorter.into_iter().find_map(|one| {
        let (mut runs, mut run): (Vec<(usize, i64)>, usize) = (Vec::new(), 1);
        for pair in one.stamps.windows(2) {
            match one.calendar.interval(pair[0], pair[1]) {
                Interval::Regular => run += 1,
                Interval::Missing(missing) => {
                    runs.push((run, missing));
                    run = 1;
                }
                Interval::Irregular => return None,
            }
        }
        // The first run may have begun before the rows.
        let (&(run, gap), others) = runs.get(1..)?.split_first()?;
        (others.len() >= PAUSES && others.iter().all(|other| *other == (run, gap))).then_some((one, run, gap))
    })?;
    Some(
        format!(
            "{} follow one another, then come {} without a row, again and again{}, as no known calendar has it: the dates of forecasts are \
             a guess, {} after one another; ‹gaps fill› or ‹fill-missing zero› inserts the rows",
            counted(run, "row"),
            counted(usize::try_from(gap).unwrap_or(usize::MAX), "time"),
            one.suffix(),
            one.calendar.words()
        )
        .into(),
    )
}

/// Rows that are no times of their calendar. Rows beside a fixed interval are counted as gaps, if it was not named.
fn rows_beside(frame: &Frame, series: &[RawSeries], named: bool) -> Option<Text> {
    let is_near = series.iter().any(|one| one.calendar.is_near());
    let mut count = 0;
    let mut first = None;
    for one in series.iter().filter(|one| named || one.calendar.is_day_rule()) {
        let beside = beside(&one.calendar, &one.stamps);
        if beside > 0 && first.is_none() {
            let time = one.stamps.iter().find(|time| !one.calendar.holds(one.stamps[0], **time));
            first = time.map(|time| (frame.label(*time), one.suffix(), one.calendar.words()));
        }
        count += beside;
    }
    if is_near && !named {
        let words = series.iter().find(|one| one.calendar.is_near()).map(|one| one.calendar.step().to_string());
        return Some(
            format!("rows lie beside a step of {}: rows to come are expected on it", words.unwrap_or_default()).into(),
        );
    }
    let rows = counted(count, "row");
    let (label, of, words) = first?;
    Some(format!("{rows} of another calendar than {words}, as {label}{of}").into())
}
