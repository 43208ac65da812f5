//! The Arrow PyCapsule interface, both ways. <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>

use std::ffi::CStr;

use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use crate::errors::argument;

const STREAM: &CStr = c"arrow_array_stream";

/// The stream that an object exports.
fn stream(object: &Bound<'_, PyAny>) -> PyResult<FFI_ArrowArrayStream> {
    let capsule = object.call_method0("__arrow_c_stream__")?;
    let capsule =
        capsule.cast::<PyCapsule>().map_err(|_| PyTypeError::new_err("__arrow_c_stream__ gave no capsule"))?;
    let pointer = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name holds such a stream by the interface's definition. It is moved out, and what stays is marked
    // as released, so that the capsule's destructor does nothing.
    Ok(unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr()) })
}

/// The batches of a table, whose buffers are shared. `label` is the argument that it was.
pub(crate) fn batches(label: &str, object: &Bound<'_, PyAny>) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
    let stream = stream(object)?;
    let read = || -> Result<_, ArrowError> {
        let reader = RecordBatchStreamReader::try_new(stream)?;
        Ok((reader.schema(), reader.collect::<Result<_, _>>()?))
    };
    read().map_err(|error| unreadable(object.py(), label, &error))
}

/// The chunks of one column, of an argument.
pub(crate) fn chunks(label: &str, object: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let read = ArrayStreamReader::try_new(stream(object)?).and_then(Iterator::collect);
    read.map_err(|error| unreadable(object.py(), label, &error))
}

/// A stream of one batch, as a capsule.
pub(crate) fn capsule<'py>(py: Python<'py>, batch: &RecordBatch) -> PyResult<Bound<'py, PyCapsule>> {
    let reader = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
}

fn unreadable(py: Python<'_>, label: &str, error: &ArrowError) -> PyErr {
    argument(py, label, &format!("an Arrow stream that cannot be read: {error}"), "give a table, or make it anew")
}
