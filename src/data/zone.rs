//! The zone whose clock times are written by.

use std::collections::BTreeSet;

use chrono_tz::{TZ_VARIANTS, Tz};

use super::count::{counted, few};
use super::frame::Frame;
use super::time::{DAY, TimeKind, clock_after, offset_at};
use crate::error::{Error, Result, Text};

/// A zone by its name in the IANA data base.
///
/// # Errors
/// An unknown name.
pub(super) fn named(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        let help = match nearest(name) {
            _ if name.len() <= 5 && name.bytes().all(|b| b.is_ascii_uppercase()) => {
                "a name as Europe/Berlin or UTC: an abbreviation may mean several zones".into()
            }
            Some(near) => format!("a name as Europe/Berlin: {near}, perhaps"),
            None => "a name as Europe/Berlin, by the largest city".into(),
        };
        Error::config("timezone", format!("`{name}` is no time zone"), help)
    })
}

/// The zone of the same city, else that of the most similar one; `None` if none is similar.
fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.trim().replace(' ', "_").to_lowercase();
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_string();
    let apart = |zone: &Tz| {
        let own = zone.name().to_lowercase();
        (strsim::levenshtein(&city(&own), &city(&wanted)), strsim::levenshtein(&own, &wanted))
    };
    let near = TZ_VARIANTS.iter().min_by_key(|zone| apart(zone))?;
    let (city_apart, whole_apart) = apart(near);
    (3 * city_apart.min(whole_apart) <= wanted.len()).then(|| near.name())
}

/// That offsets vary although no zone is named: rows to come have the last one.
pub(super) fn offsets_vary(frame: &Frame) -> Option<Text> {
    if frame.times.zone.is_some() || frame.times.kind != (TimeKind::Clock { zoned: true }) {
        return None;
    }
    let offsets: BTreeSet<i32> = frame.times.stamps.iter().map(|stamp| stamp.offset).collect();
    if offsets.len() < 2 {
        return None;
    }
    let sign = |offset: i32| if offset < 0 { '-' } else { '+' };
    let word = |offset: &i32| {
        let minutes = offset.unsigned_abs() / 60;
        format!("{}{:02}:{:02}", sign(*offset), minutes / 60, minutes % 60)
    };
    let shown = few(offsets.len(), offsets.iter().map(word));
    Some(
        format!(
            "the times' offsets vary ({shown}): times to come have the last one of their series; ‹timezone› names the zone whose \
             clock is meant, as Europe/Berlin"
        )
        .into(),
    )
}

/// Gives all times the offsets that the zone's clock had. Of a repeated hour without offsets, rows belong to its first half until they
/// begin anew.
///
/// # Errors
/// Row numbers; a time that the clock leapt over.
pub(super) fn settle(frame: &mut Frame, zone: Tz, notices: &mut Vec<Text>) -> Result<()> {
    let TimeKind::Clock { zoned } = frame.times.kind else {
        return Err(Error::config(
            "timezone",
            format!("`{zone}`, but the time column holds row numbers"),
            "leave it out",
        ));
    };
    frame.times.zone = Some(zone);
    if zoned || frame.times.form.is_epoch() {
        frame.times.stamps.iter_mut().for_each(|stamp| stamp.offset = offset_at(zone, stamp.instant));
        return Ok(());
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); frame.ids.names.len()];
    frame.ids.of_row.iter().enumerate().for_each(|(row, series)| rows[*series].push(row));
    // A day begins later where the clock leaps over midnight.
    let dates_alone = frame.times.stamps.iter().all(|stamp| stamp.clock() % DAY == 0);
    let mut repeated = 0;
    for rows in &mut rows {
        let clock = |row: &usize| frame.times.stamps[*row].instant;
        if rows.first().map(clock) > rows.last().map(clock) {
            rows.reverse();
        }
        let mut before = i64::MIN;
        for row in rows {
            let clock = frame.times.stamps[*row].instant;
            let (stamp, twice) = clock_after(zone, clock, before);
            if offset_at(zone, stamp.instant) != stamp.offset && !dates_alone {
                let help = "correct the time, or leave ‹timezone› out if the times are of one offset all year";
                return Err(Error::data(
                    frame.time_place(*row),
                    format!("the clock of {zone} leaps over this time"),
                    help,
                ));
            }
            repeated += usize::from(twice);
            before = stamp.instant;
            frame.times.stamps[*row] = stamp;
        }
    }
    if repeated > 0 {
        let rows = counted(repeated, "row");
        notices.push(format!("{rows} in hours that the clock of {zone} repeats: told apart by their order").into());
    }
    Ok(())
}
