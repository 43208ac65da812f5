//! Times: [`Timestamp`], the clocks of zones, and times for people to read.

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// The end of year 9999 lies within this many microseconds of 1970: distances of such times fit 64 bits.
const FARTHEST: u64 = 260_000_000_000 * SECOND as u64;
/// Row numbers lie below. Larger numbers are seconds since 1970, from 1973 on.
pub(crate) const ROW_NUMBERS_END: u64 = 100_000_000;

/// A row's time. Rows are ordered by `instant`; calendar features read the written clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01 00:00 UTC, or of the written clock where no offset was written;
    /// the number itself in a column of row numbers.
    pub instant: i64,
    /// The written offset, seconds east of UTC; 0 where none was written.
    pub offset: i32,
}

impl Timestamp {
    /// Microseconds since 1970-01-01 00:00 on the written clock.
    pub(crate) fn clock(self) -> i64 {
        self.instant.saturating_add(i64::from(self.offset) * SECOND)
    }

    /// The written date and time; chrono's range is far wider than four-digit years.
    pub(crate) fn written(self) -> NaiveDateTime {
        DateTime::from_timestamp_micros(self.clock()).unwrap_or_default().naive_utc()
    }

    /// Whether it is a time of this kind, near enough for distances to fit 64 bits.
    pub(crate) fn fits(self, kind: TimeKind) -> bool {
        let whole = self.offset % 60 == 0 && self.offset.unsigned_abs() < 19 * 3600;
        match kind {
            TimeKind::RowNumbers => self.offset == 0 && self.instant.unsigned_abs() < ROW_NUMBERS_END,
            TimeKind::Clock { zoned } => self.is_near() && whole && (zoned || self.offset == 0),
        }
    }

    /// A time that was written without an offset, or with one, on the clock of a zone; of a repeated hour the first.
    pub(crate) fn in_zone(self, has_offset: bool, zone: Option<Tz>) -> Timestamp {
        let Some(zone) = zone else { return self };
        let instant = match has_offset {
            true => self.instant,
            false => self.instant - i64::from(offset_of_clock(zone, self.instant)[0]) * SECOND,
        };
        Timestamp { instant, offset: offset_at(zone, instant) }
    }

    pub(super) fn is_near(self) -> bool {
        self.clock().unsigned_abs() <= FARTHEST
    }

    pub(crate) fn from_clock(date: NaiveDate, time_of_day: i64, offset: i32) -> Timestamp {
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp() * SECOND;
        Timestamp { instant: midnight + time_of_day - i64::from(offset) * SECOND, offset }
    }
}

/// A zone's offset at an instant, seconds east of UTC.
pub(crate) fn offset_at(zone: Tz, instant: i64) -> i32 {
    let utc = Timestamp { instant, offset: 0 }.written();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// The offsets that a clock may have had when it showed this: twice the same, or the two of a repeated hour, the earlier instant
/// first. A clock that leaps over a time is taken as not yet put forward.
pub(crate) fn offset_of_clock(zone: Tz, clock: i64) -> [i32; 2] {
    let written = Timestamp { instant: clock, offset: 0 }.written();
    let seconds = |offset: <Tz as TimeZone>::Offset| offset.fix().local_minus_utc();
    match zone.offset_from_local_datetime(&written) {
        MappedLocalTime::Single(offset) => [seconds(offset); 2],
        MappedLocalTime::Ambiguous(a, b) => [seconds(a).max(seconds(b)), seconds(a).min(seconds(b))],
        MappedLocalTime::None => [offset_at(zone, clock - 24 * 3600 * SECOND); 2],
    }
}

/// Whether a zone's clock never shows this, because it is put forward then.
pub(crate) fn is_leapt(zone: Tz, clock: i64) -> bool {
    let written = Timestamp { instant: clock, offset: 0 }.written();
    matches!(zone.offset_from_local_datetime(&written), MappedLocalTime::None)
}

/// The first time after `before` at which a zone's clock shows this, and whether it shows it twice. A time that is over both times is
/// the later one.
pub(crate) fn clock_after(zone: Tz, clock: i64, before: i64) -> (Timestamp, bool) {
    let [early, late] =
        offset_of_clock(zone, clock).map(|offset| Timestamp { instant: clock - i64::from(offset) * SECOND, offset });
    (if early.instant <= before { late } else { early }, early != late)
}

/// What the times count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeKind {
    /// Points in time.
    Clock {
        /// Whether they are written with an offset from UTC (`Z`, `+01:00`).
        zoned: bool,
    },
    /// Whole numbers that only order the rows.
    RowNumbers,
}

/// Months since year 0.
pub(crate) fn month_index(time: Timestamp) -> i64 {
    let date = time.written().date();
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// A time for people to read; its date alone if `dates_only`.
pub(crate) fn label(kind: TimeKind, time: Timestamp, dates_only: bool) -> String {
    match kind {
        TimeKind::RowNumbers => time.instant.to_string(),
        TimeKind::Clock { zoned } => {
            let form = if dates_only {
                "%Y-%m-%d"
            } else if time.instant % MINUTE != 0 {
                "%Y-%m-%dT%H:%M:%S%.f"
            } else {
                "%Y-%m-%dT%H:%M"
            };
            let mut text = time.written().format(form).to_string();
            if zoned && !dates_only {
                match time.offset {
                    0 => text.push('Z'),
                    east => {
                        let minutes = east.unsigned_abs() / 60;
                        let sign = if east < 0 { '-' } else { '+' };
                        text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
                    }
                }
            }
            text
        }
    }
}
