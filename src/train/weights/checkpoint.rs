//! The two weights files of a run: `model.safetensors` is exactly PyTorch's state dict; `checkpoint.safetensors` is the
//! same plus, under the prefix `microglia.`, all that is needed to continue.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, View, serialize};

use crate::error::{Error, Result};
use crate::files::replace;
use crate::program::tensor::SCORE;
use crate::program::{Param, ParamLayout, Program, Running, StateLayout};
use crate::train::run::state::{Mean, ReplicaRows, RunState};
use crate::train::weights::header::Header;
use crate::train::weights::sparse::{Csr, PARTS, SHAPES};

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
pub fn save_model(
    path: &Path,
    (layout, running): (&ParamLayout, &StateLayout),
    params: &[f32],
    state: &[f32],
    header: &Header,
) -> Result<()> {
    write(path, state_dict(layout, running, params, state), header)
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
    let mut entries = state_dict(&program.params, &program.state, params, state);
    let replicas = run.rows.len();
    let mut add = |name: &str, dtype, shape: &[usize], bytes: Vec<u8>| {
        let (shape, bytes) = (shape.to_vec(), Cow::Owned(bytes));
        entries.push((format!("{PREFIX}{name}"), Entry { dtype, shape, bytes }));
    };
    let first = ReplicaRows::default();
    let first = run.rows.first().unwrap_or(&first);
    for (i, (name, tensor, row)) in first.floats().into_iter().enumerate() {
        if tensor == SCORE && row.is_empty() {
            continue;
        }
        let bytes =
            run.rows.iter().flat_map(|rows| bytemuck::cast_slice::<_, u8>(rows.floats()[i].2)).copied().collect();
        add(name, Dtype::F32, &[replicas, row.len()], bytes);
    }
    for (i, (name, _, row)) in first.words().into_iter().enumerate() {
        let bytes =
            run.rows.iter().flat_map(|rows| bytemuck::cast_slice::<_, u8>(rows.words()[i].2)).copied().collect();
        add(name, Dtype::U32, &[replicas, row.len()], bytes);
    }
    let (epochs, numbers) = run.history_numbers();
    add("epochs", Dtype::F64, &[epochs.len(), 4], bytemuck::cast_slice(&epochs).to_vec());
    add("history", Dtype::F64, &[epochs.len(), replicas, 5], bytemuck::cast_slice(&numbers).to_vec());
    let losses: Vec<[u64; 2]> = run.losses.iter().map(Mean::words).collect();
    add("losses", Dtype::U64, &[replicas, 2], bytemuck::cast_slice(&losses).to_vec());
    write(path, entries, &Header { run: Some(run.clone_host()), ..header.clone() })
}

/// Writes the same as [`save_model`] with every matrix in compressed sparse rows where that is smaller: `NAME.crow_indices`
/// `[rows + 1]`, `NAME.col_indices` and `NAME.values` `[living]`, as `torch.sparse_csr_tensor` takes them, indices 32-bit. The
/// shapes stand in the file's metadata under `csr`, as JSON. It is read like any other file.
pub fn save_sparse(
    path: &Path,
    (layout, running): (&ParamLayout, &StateLayout),
    params: &[f32],
    state: &[f32],
    header: &Header,
) -> Result<()> {
    let mut entries = Vec::new();
    let mut shapes = serde_json::Map::new();
    for (name, entry) in state_dict(layout, running, params, state) {
        let csr = layout.get(&name).filter(|param| param.prunable).map(|param| (param, Csr::of(param, params)));
        let Some((param, csr)) = csr.filter(|(param, csr)| csr.bytes() < 4 * param.len()) else {
            entries.push((name, entry));
            continue;
        };
        let parts: [(Dtype, &[u8]); 3] = [
            (Dtype::I32, bytemuck::cast_slice(&csr.starts)),
            (Dtype::I32, bytemuck::cast_slice(&csr.columns)),
            (Dtype::F32, bytemuck::cast_slice(&csr.values)),
        ];
        for (part, (dtype, bytes)) in PARTS.into_iter().zip(parts) {
            let entry = Entry { dtype, shape: vec![bytes.len() / 4], bytes: Cow::Owned(bytes.to_vec()) };
            entries.push((format!("{name}.{part}"), entry));
        }
        shapes.insert(name, param.shape.clone().into());
    }
    write_with(path, entries, header, [(SHAPES.to_string(), serde_json::Value::Object(shapes).to_string())])
}

/// Bytes of a model's tensors, dense and as [`save_sparse`] writes them.
pub fn tensor_bytes(layout: &ParamLayout, state: &StateLayout, params: &[f32]) -> (usize, usize) {
    let own = |entry: &Running| if entry.is_count() { 8 } else { 4 * entry.len() };
    let rest: usize = state.entries.iter().map(own).sum();
    let sparse = |param: &Param| match param.prunable {
        true => Csr::of(param, params).bytes().min(4 * param.len()),
        false => 4 * param.len(),
    };
    (rest + 4 * layout.total(), rest + layout.params.iter().map(sparse).sum::<usize>())
}

/// Of every tensor that PyTorch has no name for.
pub const PREFIX: &str = "microglia.";

fn state_dict<'a>(
    layout: &ParamLayout,
    state_layout: &StateLayout,
    params: &'a [f32],
    state: &'a [f32],
) -> Vec<(String, Entry<'a>)> {
    let mut entries = named(layout, params);
    entries.extend(running(state_layout, state));
    entries
}

fn named<'a>(layout: &ParamLayout, row: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let entry = |param: &Param| {
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
    let entry = |entry: &Running| {
        let (dtype, bytes) = match entry.is_count() {
            true => (Dtype::I64, Cow::Owned(entry.count(row).to_le_bytes().to_vec())),
            false => (Dtype::F32, Cow::Borrowed(bytemuck::cast_slice(&row[entry.range()]))),
        };
        (entry.name.clone(), Entry { dtype, shape: entry.shape.clone(), bytes })
    };
    layout.entries.iter().map(entry).collect()
}

fn write(path: &Path, entries: Vec<(String, Entry)>, header: &Header) -> Result<()> {
    write_with(path, entries, header, [])
}

/// With more lines of metadata.
fn write_with<const N: usize>(
    path: &Path,
    entries: Vec<(String, Entry)>,
    header: &Header,
    more: [(String, String); N],
) -> Result<()> {
    let json = serde_json::to_string(header)
        .map_err(|error| Error::checkpoint(path, format!("cannot describe the run: {error}"), "please report this"))?;
    // PyTorch's loaders look for `format`.
    let mut metadata = HashMap::from([("format".into(), "pt".into()), ("microglia".into(), json)]);
    metadata.extend(more);
    let bytes = serialize(entries, Some(metadata))
        .map_err(|error| Error::checkpoint(path, format!("cannot be laid out: {error}"), "please report this"))?;
    replace(path, &bytes)
}
