//! Typed times → [`Timestamp`]s.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use chrono_tz::Tz;

use crate::data::time::{DAY, SECOND, TimeKind, Timestamp, offset_at};
use crate::data::time_text::parse_written;

/// The time of a row, or the number that stands for it where no clock shows it.
pub(super) type Stamp<'a> = Box<dyn Fn(usize) -> Result<Timestamp, i64> + 'a>;

/// Whose clock times are shown by.
#[derive(Clone, Copy)]
enum Zone {
    /// Nobody's: times are clock times.
    None,
    /// Seconds east of UTC.
    Fixed(i32),
    Named(Tz),
}

/// A zone as Arrow writes it: `UTC`, `+01:00`, `Europe/Berlin`.
fn zone(name: Option<&str>) -> Option<Zone> {
    let Some(name) = name else { return Some(Zone::None) };
    let offset = parse_written(&format!("2000-01-01T00:00{name}")).and_then(|written| written.offset);
    offset.map(Zone::Fixed).or_else(|| name.parse().ok().map(Zone::Named))
}

/// What the times of a type count; `None` if it holds none, or such of an unknown zone.
pub(super) fn kind(of: &DataType) -> Option<TimeKind> {
    match of {
        DataType::Date32 | DataType::Date64 => Some(TimeKind::Clock { zoned: false }),
        DataType::Timestamp(_, name) => Some(TimeKind::Clock { zoned: !matches!(zone(name.as_deref())?, Zone::None) }),
        DataType::Dictionary(_, values) => kind(values),
        _ => None,
    }
}

/// All times of an array that a clock shows.
pub(super) fn all(array: &ArrayRef) -> Vec<Timestamp> {
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        return all(dictionary.values());
    }
    let Some(stamp) = stamp(array) else { return Vec::new() };
    (0..array.len()).filter(|row| array.is_valid(*row)).filter_map(|row| stamp(row).ok()).collect()
}

/// The times of an array that is no dictionary; `None` where [`kind`] is.
pub(super) fn stamp(array: &ArrayRef) -> Option<Stamp<'_>> {
    match array.data_type() {
        DataType::Date32 => Some(stamps::<Date32Type>(array, |days| days.checked_mul(DAY), Zone::None)),
        DataType::Date64 => Some(stamps::<Date64Type>(array, |millis| millis.checked_mul(1000), Zone::None)),
        DataType::Timestamp(unit, name) => {
            let zone = zone(name.as_deref())?;
            Some(match unit {
                TimeUnit::Second => stamps::<TimestampSecondType>(array, |n| n.checked_mul(SECOND), zone),
                TimeUnit::Millisecond => stamps::<TimestampMillisecondType>(array, |n| n.checked_mul(1000), zone),
                TimeUnit::Microsecond => stamps::<TimestampMicrosecondType>(array, Some, zone),
                TimeUnit::Nanosecond => stamps::<TimestampNanosecondType>(array, |n| Some(n.div_euclid(1000)), zone),
            })
        }
        _ => None,
    }
}

/// `micros` makes microseconds of a number.
fn stamps<T>(array: &ArrayRef, micros: fn(i64) -> Option<i64>, zone: Zone) -> Stamp<'_>
where
    T: ArrowPrimitiveType<Native: Into<i64>>,
{
    let (values, zoned) = (array.as_primitive::<T>(), !matches!(zone, Zone::None));
    Box::new(move |row| {
        let number = values.value(row).into();
        // An offset is whole minutes; those of clocks before 1900 are cut to minutes, and the instant stays.
        let stamp = |instant| {
            let offset = match zone {
                Zone::None => 0,
                Zone::Fixed(offset) => offset,
                Zone::Named(zone) => offset_at(zone, instant),
            };
            Timestamp { instant, offset: offset - offset % 60 }
        };
        let near = |instant: &i64| Timestamp { instant: *instant, offset: 0 }.fits(TimeKind::Clock { zoned: false });
        let stamp = micros(number).filter(near).map(stamp);
        stamp.filter(|stamp| stamp.fits(TimeKind::Clock { zoned })).ok_or(number)
    })
}
