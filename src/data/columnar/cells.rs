//! Typed values → the texts that they have in a CSV file. Reading the text of a number gives the same bits again, as numbers of 64
//! bits have them; of a float of fewer bits, the shortest decimal number that is this float: 0.1, not 0.10000000149.

use std::fmt::Display;
use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::times;
use crate::data::time::{DAY, SECOND, Timestamp};
use crate::data::time_form::TimeForm;

/// Writes the cell of a row.
pub(super) type Cell<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + 'a>;

/// What a column holds, in words, if it is no number, text or time.
pub(super) fn opaque(kind: &DataType) -> Option<&'static str> {
    Some(match kind {
        DataType::Timestamp(..) if times::kind(kind).is_none() => "times of an unknown zone",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytes",
        DataType::Duration(_) | DataType::Interval(_) => "durations",
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => "lists",
        DataType::Struct(_) | DataType::Map(..) => "structs",
        DataType::Union(..) | DataType::RunEndEncoded(..) => "values of several kinds",
        DataType::Dictionary(_, values) => return opaque(values),
        _ => return None,
    })
}

/// A cell that is the same in all rows.
pub(super) fn constant(text: &'static str) -> Cell<'static> {
    Box::new(move |_, cell| cell.extend_from_slice(text.as_bytes()))
}

/// The cells of an array that is not [`opaque`], empty where it has no value. `form` is that of its times, if it holds times.
pub(super) fn writer<'a>(array: &'a ArrayRef, form: Option<&'a TimeForm>) -> Cell<'a> {
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let (keys, values) = (dictionary.keys(), writer(dictionary.values(), form));
        // Of a dictionary without values all keys are null.
        let places = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
        return Box::new(move |row, cell| {
            if keys.is_valid(row) {
                values(places[row], cell);
            }
        });
    }
    let value = value(array, form);
    Box::new(move |row, cell| {
        if array.is_valid(row) {
            value(row, cell);
        }
    })
}

/// As [`writer`], of rows that have a value.
fn value<'a>(array: &'a ArrayRef, form: Option<&'a TimeForm>) -> Cell<'a> {
    match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row, cell| cell.extend_from_slice(if values.value(row) { b"True" } else { b"False" }))
        }
        DataType::Int8 => shown::<Int8Type>(array),
        DataType::Int16 => shown::<Int16Type>(array),
        DataType::Int32 => shown::<Int32Type>(array),
        DataType::Int64 => shown::<Int64Type>(array),
        DataType::UInt8 => shown::<UInt8Type>(array),
        DataType::UInt16 => shown::<UInt16Type>(array),
        DataType::UInt32 => shown::<UInt32Type>(array),
        DataType::UInt64 => shown::<UInt64Type>(array),
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>();
            Box::new(move |row, cell| half(values.value(row).to_f64(), cell))
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>();
            Box::new(move |row, cell| {
                let value = values.value(row);
                float(value, value.into(), cell);
            })
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            Box::new(move |row, cell| float(values.value(row), values.value(row), cell))
        }
        DataType::Decimal32(..) => decimals::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimals::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimals::<Decimal256Type>(array),
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            Box::new(move |row, cell| text(values.value(row), cell))
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            Box::new(move |row, cell| text(values.value(row), cell))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            Box::new(move |row, cell| text(values.value(row), cell))
        }
        DataType::Time32(TimeUnit::Second) => of_day::<Time32SecondType>(array, |n| n.saturating_mul(SECOND)),
        DataType::Time32(_) => of_day::<Time32MillisecondType>(array, |n| n.saturating_mul(1000)),
        DataType::Time64(TimeUnit::Microsecond) => of_day::<Time64MicrosecondType>(array, |n| n),
        DataType::Time64(_) => of_day::<Time64NanosecondType>(array, |n| n.div_euclid(1000)),
        _ => match (times::stamp(array), form) {
            (Some(stamp), Some(form)) => Box::new(move |row, cell| match stamp(row) {
                Ok(stamp) => put(form.text(stamp), cell),
                Err(number) => put(number, cell),
            }),
            _ => constant(""),
        },
    }
}

fn put(value: impl Display, cell: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(cell, "{value}");
}

fn text(text: &str, cell: &mut Vec<u8>) {
    cell.extend_from_slice(text.as_bytes());
}

fn shown<T: ArrowPrimitiveType<Native: Display>>(array: &ArrayRef) -> Cell<'_> {
    let values = array.as_primitive::<T>();
    Box::new(move |row, cell| put(values.value(row), cell))
}

fn decimals<T: DecimalType + ArrowPrimitiveType>(array: &ArrayRef) -> Cell<'_> {
    let values = array.as_primitive::<T>();
    Box::new(move |row, cell| put(values.value_as_string(row), cell))
}

/// A number, of which `size` says how large it is.
fn float(number: impl Display + std::fmt::LowerExp, size: f64, cell: &mut Vec<u8>) {
    if size.is_nan() {
        return;
    }
    let plain = size == 0.0 || size.is_infinite() || (1e-5..1e16).contains(&size.abs());
    let _ = if plain { write!(cell, "{number}") } else { write!(cell, "{number:e}") };
}

/// A float of 16 bits.
fn half(number: f64, cell: &mut Vec<u8>) {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    let is_same = |shorter: &f64| Half::from_f64(*shorter).to_f64() == number;
    let shorter = (0..5).filter_map(|digits| format!("{number:.digits$e}").parse().ok()).find(is_same);
    let number = shorter.unwrap_or(number);
    float(number, number, cell);
}

/// A time of day, as it stands beside a date. `micros` makes microseconds of a number.
fn of_day<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &ArrayRef, micros: fn(i64) -> i64) -> Cell<'_> {
    let values = array.as_primitive::<T>();
    Box::new(move |row, cell| {
        let number = values.value(row).into();
        match micros(number) {
            instant if (0..DAY).contains(&instant) => put(Timestamp { instant, offset: 0 }.written().time(), cell),
            _ => put(number, cell),
        }
    })
}
