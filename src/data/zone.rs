//! The zone whose clock times are written by.

use chrono_tz::{TZ_VARIANTS, Tz};

use super::count::counted;
use super::frame::Frame;
use super::time::{DAY, SECOND, TimeKind, Timestamp, offset_at, offset_of_clock};
use crate::error::{Error, Result, Text};

/// A zone by its name in the IANA data base.
///
/// # Errors
/// An unknown name.
pub(super) fn named(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        let likeness = |zone: &Tz| strsim::jaro_winkler(&zone.name().to_lowercase(), &name.to_lowercase());
        let near =
            TZ_VARIANTS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).map_or("UTC", |zone| zone.name());
        Error::config(
            "timezone",
            format!("`{name}` is no time zone"),
            format!("a name as Europe/Berlin: {near}, perhaps"),
        )
    })
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
            let [early, late] = offset_of_clock(zone, clock)
                .map(|offset| Timestamp { instant: clock - i64::from(offset) * SECOND, offset });
            let stamp = if early.instant <= before { late } else { early };
            if offset_at(zone, stamp.instant) != stamp.offset && !dates_alone {
                let help = "correct the time, or leave ‹timezone› out if the times are of one offset all year";
                return Err(Error::data(
                    frame.time_place(*row),
                    format!("the clock of {zone} leaps over this time"),
                    help,
                ));
            }
            repeated += usize::from(early != late);
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
