//! Tables of results.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, LargeStringArray,
    PrimitiveArray, RecordBatch, StringArray, make_array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use microglia::data::{TimeForm, TimeKind, Timestamp};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};

use crate::arrow;

/// A column as [`Table::columns`] gives it.
type Apart<'py> = (String, String, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

/// Results: columns of one length, as Arrow's arrays.
#[pyclass(frozen, module = "microglia._native")]
pub(crate) struct Table(RecordBatch);

#[pymethods]
impl Table {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface lets a producer pass over what a consumer would rather have.
        let _ = requested_schema;
        arrow::capsule(py, &self.0)
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    /// Columns taken apart, for libraries without Arrow: a list of (name, kind, values, extra). `values` are bytes of numbers, or texts;
    /// `extra` is a zone, or the categories of codes.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Vec<Apart<'py>>> {
        let schema = self.0.schema();
        let fields = schema.fields.iter().zip(self.0.columns());
        fields
            .map(|(field, array)| {
                let (kind, values, extra) = apart(py, array)?;
                Ok((field.name().clone(), kind, values, extra))
            })
            .collect()
    }
}

/// A column's kind, values and what belongs to them, as [`Table::columns`] gives them.
fn apart<'py>(py: Python<'py>, array: &ArrayRef) -> PyResult<(String, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
    let bytes = |array: &ArrayRef| {
        let data = array.to_data();
        let width = array.data_type().primitive_width().unwrap_or(1);
        let all = data.buffers()[0].as_slice();
        PyBytes::new(py, &all[data.offset() * width..(data.offset() + data.len()) * width]).into_any()
    };
    let texts = |array: &ArrayRef| {
        let texts: Vec<Option<&str>> = match array.data_type() {
            DataType::LargeUtf8 => array.as_string::<i64>().iter().collect(),
            _ => array.as_string::<i32>().iter().collect(),
        };
        texts.into_pyobject(py)
    };
    Ok(match array.data_type() {
        DataType::Timestamp(unit, zone) => {
            let zone = zone.as_deref().map(|zone| zone.into_pyobject(py).map(Bound::into_any)).transpose()?;
            let word = match unit {
                TimeUnit::Second => "s",
                TimeUnit::Millisecond => "ms",
                TimeUnit::Microsecond => "us",
                TimeUnit::Nanosecond => "ns",
            };
            (word.into(), bytes(array), zone)
        }
        DataType::Date32 => ("date".into(), bytes(array), None),
        DataType::Date64 => ("ms".into(), bytes(array), None),
        DataType::Dictionary(..) => {
            let own = array.as_dictionary::<Int32Type>();
            let codes: ArrayRef = Arc::new(own.keys().clone());
            ("category".into(), bytes(&codes), Some(texts(own.values())?))
        }
        DataType::Boolean => {
            let truths: Vec<u8> = array.as_boolean().values().iter().map(u8::from).collect();
            ("bool".into(), PyBytes::new(py, &truths).into_any(), None)
        }
        DataType::Utf8 | DataType::LargeUtf8 => ("text".into(), texts(array)?, None),
        // NumPy calls numbers as Arrow does, but for case.
        kind => (kind.to_string().to_lowercase(), bytes(array), None),
    })
}

/// Columns that become a [`Table`].
#[derive(Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn add(&mut self, name: &str, array: ArrayRef) {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
    }

    pub(crate) fn numbers(&mut self, name: &str, values: impl IntoIterator<Item = f64>) {
        self.add(name, Arc::new(Float64Array::from_iter_values(values)));
    }

    /// Ids, in the type that they have in a frame. `of_row` names one of `ids` for each row.
    pub(crate) fn ids(&mut self, name: &str, ids: &[String], of_row: &[usize], like: Option<&Field>) {
        let texts = || StringArray::from_iter_values(of_row.iter().map(|id| &ids[*id]));
        let numbers = || ids.iter().map(|id| id.parse().ok()).collect::<Option<Vec<i64>>>();
        let array: ArrayRef = match like.map(Field::data_type) {
            Some(DataType::LargeUtf8) => {
                Arc::new(LargeStringArray::from_iter_values(of_row.iter().map(|id| &ids[*id])))
            }
            Some(DataType::Dictionary(_, values)) if is_text(values) => {
                let keys = of_row.iter().map(|id| Some(*id as i32)).collect();
                let values: ArrayRef = Arc::new(StringArray::from_iter_values(ids));
                DictionaryArray::<Int32Type>::try_new(keys, values)
                    .map_or_else(|_| Arc::new(texts()) as ArrayRef, |own| Arc::new(own))
            }
            Some(kind) if kind.is_integer() => match numbers() {
                Some(numbers) => {
                    whole(kind, of_row.iter().map(|id| Some(numbers[*id]))).unwrap_or_else(|| Arc::new(texts()))
                }
                None => Arc::new(texts()),
            },
            Some(kind @ (DataType::Float32 | DataType::Float64)) => {
                floats(kind, of_row.iter().map(|id| ids[*id].parse().ok())).unwrap_or_else(|| Arc::new(texts()))
            }
            Some(DataType::Boolean) => {
                Arc::new(of_row.iter().map(|id| Some(ids[*id] == "True")).collect::<BooleanArray>())
            }
            _ => Arc::new(texts()),
        };
        self.add(name, array);
    }

    /// Times, in the type that they have in a frame; without one, of texts and files, as datetimes of microseconds.
    pub(crate) fn times(&mut self, name: &str, times: &[Timestamp], form: &TimeForm, like: Option<&Field>) {
        let array = times_like(times, form, like)
            .unwrap_or_else(|| Arc::new(StringArray::from_iter_values(times.iter().map(|time| form.text(*time)))));
        self.add(name, array);
    }

    pub(crate) fn table(self) -> Result<Table, ArrowError> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays).map(Table)
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Microseconds of a second, and of a day.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 3600 * SECOND;

/// Times in a frame's own type; `None` where that is no type of times or whole numbers.
fn times_like(times: &[Timestamp], form: &TimeForm, like: Option<&Field>) -> Option<ArrayRef> {
    let clock = |time: &Timestamp| time.instant.saturating_add(i64::from(time.offset) * SECOND);
    let is_period = like
        .is_some_and(|field| field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "pandas.period"));
    let kind = match (like.map(Field::data_type), form.kind()) {
        _ if is_period => return None,
        (Some(DataType::Dictionary(_, values)), _) => (**values).clone(),
        (Some(kind), _) => kind.clone(),
        (None, TimeKind::RowNumbers) => DataType::Int64,
        (None, TimeKind::Clock { zoned }) => DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| "UTC".into())),
    };
    match &kind {
        DataType::Timestamp(unit, zone) => {
            let micros = times.iter().map(|time| if zone.is_some() { time.instant } else { clock(time) });
            let units = |micros: i64| match unit {
                TimeUnit::Second => Some(micros.div_euclid(SECOND)),
                TimeUnit::Millisecond => Some(micros.div_euclid(1000)),
                TimeUnit::Microsecond => Some(micros),
                TimeUnit::Nanosecond => micros.checked_mul(1000),
            };
            typed(Int64Array::from_iter(micros.map(units)), kind.clone())
        }
        DataType::Date32 => {
            let days = times.iter().map(|time| (clock(time).div_euclid(DAY)) as i32);
            typed(Int32Array::from_iter_values(days), kind.clone())
        }
        DataType::Date64 => {
            typed(Int64Array::from_iter_values(times.iter().map(|time| clock(time).div_euclid(1000))), kind.clone())
        }
        kind if kind.is_integer() => whole(kind, times.iter().map(|time| form.text(*time).parse().ok())),
        DataType::Float32 | DataType::Float64 => floats(&kind, times.iter().map(|time| form.text(*time).parse().ok())),
        DataType::LargeUtf8 => {
            Some(Arc::new(LargeStringArray::from_iter_values(times.iter().map(|time| form.text(*time)))))
        }
        _ => None,
    }
}

/// An array of another type with the same numbers.
fn typed(array: impl Array, kind: DataType) -> Option<ArrayRef> {
    array.to_data().into_builder().data_type(kind).build().ok().map(make_array)
}

/// Floats of a type; `None` where one is missing.
fn floats(kind: &DataType, numbers: impl Iterator<Item = Option<f64>>) -> Option<ArrayRef> {
    let all: Vec<f64> = numbers.collect::<Option<_>>()?;
    Some(match kind {
        DataType::Float32 => {
            Arc::new(PrimitiveArray::<Float32Type>::from_iter_values(all.into_iter().map(|number| number as f32)))
        }
        _ => Arc::new(Float64Array::from_iter_values(all)),
    })
}

/// Whole numbers of a type; `None` where one is missing or does not fit.
fn whole(kind: &DataType, numbers: impl Iterator<Item = Option<i64>>) -> Option<ArrayRef> {
    fn of<T: ArrowPrimitiveType<Native: TryFrom<i64>>>(numbers: impl Iterator<Item = Option<i64>>) -> Option<ArrayRef> {
        let all: Option<Vec<T::Native>> = numbers.map(|number| T::Native::try_from(number?).ok()).collect();
        Some(Arc::new(PrimitiveArray::<T>::from_iter_values(all?)))
    }
    match kind {
        DataType::Int8 => of::<Int8Type>(numbers),
        DataType::Int16 => of::<Int16Type>(numbers),
        DataType::Int32 => of::<Int32Type>(numbers),
        DataType::Int64 => of::<Int64Type>(numbers),
        DataType::UInt8 => of::<UInt8Type>(numbers),
        DataType::UInt16 => of::<UInt16Type>(numbers),
        DataType::UInt32 => of::<UInt32Type>(numbers),
        DataType::UInt64 => of::<UInt64Type>(numbers),
        _ => None,
    }
}

/// A table that its own columns do not make is a bug.
pub(crate) fn wrong(error: ArrowError) -> PyErr {
    PyRuntimeError::new_err(format!("internal error, please report it: {error}"))
}
