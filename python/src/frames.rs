//! Data frames, as the library reads them.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use microglia::data::{self, Source};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::argument;
use crate::tables::wrong;
use crate::train::or_raise;
use crate::{arrow, columns};

/// What pickle makes an object of again: a function and its arguments.
type Reduced<'py> = (Bound<'py, PyAny>, (String, Bound<'py, PyBytes>));

/// A data frame that the library reads: columns in memory, shared with whoever made them.
#[pyclass(frozen, module = "microglia._native")]
pub(crate) struct Frame(pub(crate) data::Frame);

#[pymethods]
impl Frame {
    /// Of anything with `__arrow_c_stream__`.
    #[staticmethod]
    fn of_stream(label: &str, table: &Bound<'_, PyAny>) -> PyResult<Frame> {
        let (schema, batches) = arrow::batches(label, table)?;
        Ok(Frame(data::Frame::new(label, schema, batches)))
    }

    /// Of columns that were taken apart, by name.
    #[staticmethod]
    fn of_columns(label: &str, parts: &Bound<'_, PyDict>) -> PyResult<Frame> {
        let py = parts.py();
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (name, parts) in parts.iter() {
            let (field, array) = columns::column(&name.extract::<String>()?, parts.cast::<PyDict>()?)?;
            fields.push(field);
            arrays.push(array);
        }
        let schema = Arc::new(Schema::new(fields));
        let mut all = schema.fields.iter().zip(&arrays);
        if let Some((field, array)) = all.find(|(_, array)| array.len() != arrays[0].len()) {
            let (name, own, first) = (field.name(), array.len(), arrays[0].len());
            let problem =
                format!("columns of different lengths: `{}` has {first} rows, `{name}` {own}", schema.field(0).name());
            return Err(argument(py, label, &problem, "give as many values of each"));
        }
        // Without columns, a batch has to be told its rows.
        let rows = RecordBatchOptions::new().with_row_count(Some(arrays.first().map_or(0, |array| array.len())));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &rows).map_err(wrong)?;
        Ok(Frame(data::Frame::new(label, schema, vec![batch])))
    }

    /// The bytes of an Arrow file.
    fn to_arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &or_raise(py, py.detach(|| self.0.to_arrow()))?))
    }

    /// Of the bytes of an Arrow file.
    #[staticmethod]
    fn of_arrow(py: Python<'_>, label: &str, bytes: Vec<u8>) -> PyResult<Frame> {
        or_raise(py, py.detach(|| data::Frame::of_arrow(label, bytes))).map(Frame)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let made = py.import("microglia._native")?.getattr("Frame")?.getattr("of_arrow")?;
        Ok((made, (self.0.label().to_string(), self.to_arrow(py)?)))
    }
}

/// The source of a frame.
pub(crate) fn source(frame: Option<&Bound<'_, Frame>>) -> Option<Source> {
    frame.map(|frame| Source::Frame(frame.get().0.clone()))
}
