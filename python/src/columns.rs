//! Columns of NumPy and pandas, taken apart in `microglia/_frames.py`, → Arrow arrays. NumPy's arrays may change at any time, so these
//! columns are copied once; columns of Arrow are shared.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, PrimitiveArray, StringArray, make_array, new_null_array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use arrow_select::concat::concat;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::arrow;

/// Metadata of a field, as pandas writes it for its periods.
const NAME: &str = "ARROW:extension:name";
const METADATA: &str = "ARROW:extension:metadata";

/// A column and its field. `parts` is a dict: `kind` is a word of Arrow, or `text`, `category`, `arrow`, or `bytes` and
/// `structs` (with `rows`, how many); `values` bytes of numbers, a
/// list of texts or an object of Arrow's; `missing`, bytes of truth values; `zone`; `categories`, a list of texts; `period`, a
/// frequency of pandas.
pub(crate) fn column(name: &str, parts: &Bound<'_, PyDict>) -> PyResult<(Field, ArrayRef)> {
    let part = |key: &str| parts.get_item(key).map(|value| value.filter(|value| !value.is_none()));
    let needed = |key: &str| part(key)?.ok_or_else(|| PyTypeError::new_err(format!("column {name}: no {key}")));
    let kind: String = needed("kind")?.extract()?;
    let nulls = part("missing")?.map(|bytes| valid(bytes.cast::<PyBytes>()?.as_bytes())).transpose()?;
    let array: ArrayRef = match kind.as_str() {
        "arrow" => whole(name, &needed("values")?)?,
        "text" => Arc::new(texts(needed("values")?.cast::<PyList>()?)?),
        "category" => {
            let codes = numbers(&DataType::Int64, &needed("values")?, nulls)?;
            let codes = codes.as_any().downcast_ref::<PrimitiveArray<Int64Type>>().cloned();
            let words = texts(needed("categories")?.cast::<PyList>()?)?;
            let codes = codes.ok_or_else(|| PyTypeError::new_err("codes are numbers"))?;
            Arc::new(DictionaryArray::try_new(codes, Arc::new(words)).map_err(wrong)?)
        }
        // Of no type that the engine reads: only a column that is named is rejected.
        "duration" => numbers(&DataType::Duration(TimeUnit::Nanosecond), &needed("values")?, nulls)?,
        "bytes" => new_null_array(&DataType::Binary, needed("rows")?.extract()?),
        "structs" => new_null_array(&DataType::Struct(Fields::empty()), needed("rows")?.extract()?),
        "bool" => {
            let values = needed("values")?;
            let values = values.cast::<PyBytes>()?.as_bytes();
            let set = BooleanBuffer::collect_bool(values.len(), |row| values[row] != 0);
            Arc::new(BooleanArray::new(set, nulls))
        }
        kind => {
            let zone = part("zone")?.map(|zone| zone.extract::<String>()).transpose()?;
            let kind = data_type(kind, zone).ok_or_else(|| PyTypeError::new_err(format!("column {name}: {kind}")))?;
            numbers(&kind, &needed("values")?, nulls)?
        }
    };
    let mut field = Field::new(name, array.data_type().clone(), true);
    if let Some(freq) = part("period")? {
        let freq = serde_json::json!({ "freq": freq.extract::<String>()? }).to_string();
        let metadata = [(NAME.to_string(), "pandas.period".to_string()), (METADATA.to_string(), freq)];
        field = field.with_metadata(HashMap::from(metadata));
    }
    Ok((field, array))
}

fn data_type(word: &str, zone: Option<String>) -> Option<DataType> {
    let zone = zone.map(Arc::from);
    Some(match word {
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float16" => DataType::Float16,
        "float32" => DataType::Float32,
        "float64" => DataType::Float64,
        "s" => DataType::Timestamp(TimeUnit::Second, zone),
        "ms" => DataType::Timestamp(TimeUnit::Millisecond, zone),
        "us" => DataType::Timestamp(TimeUnit::Microsecond, zone),
        "ns" => DataType::Timestamp(TimeUnit::Nanosecond, zone),
        _ => return None,
    })
}

/// Numbers of a fixed width, from their bytes.
fn numbers(kind: &DataType, bytes: &Bound<'_, PyAny>, nulls: Option<NullBuffer>) -> PyResult<ArrayRef> {
    let bytes = bytes.cast::<PyBytes>()?.as_bytes();
    let width = kind.primitive_width().ok_or_else(|| PyTypeError::new_err(format!("{kind} is no number")))?;
    let data = arrow_data::ArrayData::builder(kind.clone())
        .len(bytes.len() / width)
        .nulls(nulls)
        .add_buffer(Buffer::from(bytes))
        .build()
        .map_err(wrong)?;
    Ok(make_array(data))
}

/// Which rows have a value, from truth values of those that have none.
fn valid(missing: &[u8]) -> PyResult<NullBuffer> {
    Ok(NullBuffer::new(BooleanBuffer::collect_bool(missing.len(), |row| missing[row] == 0)))
}

fn texts(values: &Bound<'_, PyList>) -> PyResult<StringArray> {
    let text = |value: Bound<'_, PyAny>| value.extract::<Option<String>>();
    values.iter().map(text).collect()
}

/// A column of Arrow in one piece.
fn whole(name: &str, object: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let chunks = arrow::chunks(name, object)?;
    match &chunks[..] {
        [one] => Ok(one.clone()),
        [] => Ok(Arc::new(StringArray::new_null(0))),
        _ => concat(&chunks.iter().map(|chunk| &**chunk).collect::<Vec<&dyn Array>>()).map_err(wrong),
    }
}

fn wrong(error: arrow_schema::ArrowError) -> PyErr {
    PyTypeError::new_err(error.to_string())
}
