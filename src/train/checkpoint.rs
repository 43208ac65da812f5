//! The two weights files of a run: `model.safetensors` is exactly PyTorch's state dict; `checkpoint.safetensors` is the
//! same plus, under the prefix `microglia.`, all that is needed to go on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, View, serialize};

use super::header::Header;
use super::state::{ReplicaRows, RunState};
use crate::error::{Error, Result};
use crate::files::replace;
use crate::program::{ParamLayout, Program, StateLayout};

/// A tensor in a file.
struct Entry<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl View for Entry<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes weights `[P]` and state `[S]` by PyTorch's names, and nothing else.
pub fn save_model(path: &Path, program: &Program, params: &[f32], state: &[f32], header: &Header) -> Result<()> {
    write(path, state_dict(program, params, state), header)
}

/// Writes weights and state by PyTorch's names, and under `microglia.` the run's rows `[R, …]` and its history.
pub fn save_checkpoint(
    path: &Path,
    program: &Program,
    params: &[f32],
    state: &[f32],
    header: &Header,
    run: &RunState,
) -> Result<()> {
    let mut entries = state_dict(program, params, state);
    let replicas = run.rows.len();
    let mut add = |name: &str, dtype, shape: &[usize], bytes: Vec<u8>| {
        let (shape, bytes) = (shape.to_vec(), Cow::Owned(bytes));
        entries.push((format!("{PREFIX}{name}"), Entry { dtype, shape, bytes }));
    };
    let first = ReplicaRows::default();
    let first = run.rows.first().unwrap_or(&first);
    for (i, (name, _, row)) in first.floats().into_iter().enumerate() {
        let bytes = run.rows.iter().flat_map(|rows| bytemuck::cast_slice(rows.floats()[i].2)).copied().collect();
        add(name, Dtype::F32, &[replicas, row.len()], bytes);
    }
    for (i, (name, _, row)) in first.words().into_iter().enumerate() {
        let bytes = run.rows.iter().flat_map(|rows| bytemuck::cast_slice(rows.words()[i].2)).copied().collect();
        add(name, Dtype::U32, &[replicas, row.len()], bytes);
    }
    let (epochs, numbers) = run.history_numbers();
    add("epochs", Dtype::F64, &[epochs.len(), 4], bytemuck::cast_slice(&epochs).to_vec());
    add("history", Dtype::F64, &[epochs.len(), replicas, 5], bytemuck::cast_slice(&numbers).to_vec());
    let losses: Vec<[u64; 2]> = run.losses.iter().map(|loss| [loss.sum.to_bits(), loss.weight]).collect();
    add("losses", Dtype::U64, &[replicas, 2], bytemuck::cast_slice(&losses).to_vec());
    write(path, entries, &Header { run: Some(run.clone_host()), ..header.clone() })
}

/// Of every tensor that PyTorch has no name for.
pub const PREFIX: &str = "microglia.";

fn state_dict<'a>(program: &Program, params: &'a [f32], state: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let mut entries = named(&program.params, params);
    entries.extend(running(&program.state, state));
    entries
}

fn named<'a>(layout: &ParamLayout, row: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let entry = |param: &crate::program::Param| {
        let bytes = match param.turned {
            0 => Cow::Borrowed(bytemuck::cast_slice(&row[param.range()])),
            _ => Cow::Owned(bytemuck::cast_slice(&param.named(row)).to_vec()),
        };
        (param.name.clone(), Entry { dtype: Dtype::F32, shape: param.shape.clone(), bytes })
    };
    layout.params.iter().map(entry).collect()
}

/// Counts are PyTorch's 64-bit integers.
fn running<'a>(layout: &StateLayout, row: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let entry = |entry: &crate::program::Running| {
        let (dtype, bytes) = match entry.is_count() {
            true => (Dtype::I64, Cow::Owned(entry.count(row).to_le_bytes().to_vec())),
            false => (Dtype::F32, Cow::Borrowed(bytemuck::cast_slice(&row[entry.range()]))),
        };
        (entry.name.clone(), Entry { dtype, shape: entry.shape.clone(), bytes })
    };
    layout.entries.iter().map(entry).collect()
}

fn write(path: &Path, entries: Vec<(String, Entry)>, header: &Header) -> Result<()> {
    let json = serde_json::to_string(header).map_err(|error| Error::Checkpoint {
        file: path.to_path_buf(),
        problem: format!("cannot describe the run: {error}"),
        help: "please report this".into(),
    })?;
    // PyTorch's loaders look for `format`.
    let metadata = HashMap::from([("format".into(), "pt".into()), ("microglia".into(), json)]);
    let bytes = serialize(entries, Some(metadata)).map_err(|error| Error::Checkpoint {
        file: path.to_path_buf(),
        problem: format!("cannot be laid out: {error}"),
        help: "please report this".into(),
    })?;
    replace(path, &bytes)
}
