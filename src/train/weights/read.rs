//! Weights of a file to start from: ours, PyTorch's or transformers', dense or sparse.

use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::files;
use crate::models::{LINEAR_PATH_WEIGHTS, LinearPath, ModelOptions, NormKind, PatchtstOptions, Pool, Variant};
use crate::program::{ParamLayout, StateLayout};
use crate::train::weights::checkpoint::PREFIX;
use crate::train::weights::header::PatchtstHeader;
use crate::train::weights::sparse::{self, Csr, PARTS};
use crate::train::weights::told::Told;

/// What a safetensors file holds, and what to say of it.
struct WeightsFile<'a> {
    file: &'a Path,
    tensors: SafeTensors<'a>,
    /// Of matrices in compressed sparse rows, as the metadata gives them.
    sparse_shapes: HashMap<String, Vec<usize>>,
    /// Whether weights that are not finite are rejected.
    finite: bool,
}

impl<'a> WeightsFile<'a> {
    fn new(file: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
            Error::checkpoint(
                file,
                format!("not a safetensors file: {error}"),
                "‹init› takes a file as safetensors' `save_file` writes it",
            )
        })?;
        let metadata = SafeTensors::read_metadata(bytes).ok().map(|(_, metadata)| metadata);
        let sparse_shapes = sparse::shapes(metadata.as_ref().and_then(|metadata| metadata.metadata().as_ref()));
        Ok(WeightsFile { file, tensors, sparse_shapes, finite: true })
    }

    fn reject(&self, problem: String, help: &str) -> Error {
        Error::checkpoint(self.file, problem, help)
    }

    /// A tensor's bytes, of this shape and type.
    fn tensor(&self, name: &str, shape: &[usize], dtype: Dtype) -> Result<&'a [u8]> {
        let tensor = self.tensors.tensor(name).map_err(|_| {
            let mut names: Vec<&str> =
                self.tensors.names().into_iter().filter(|name| !name.starts_with(PREFIX)).collect();
            names.sort_unstable();
            self.reject(
                format!("holds no tensor `{name}`; it holds {}", names.join(", ")),
                "the names must be those of model.safetensors, for the same ‹model› and ‹layers›",
            )
        })?;
        if tensor.shape() != shape {
            return Err(self.unlike(name, tensor.shape(), shape));
        }
        if tensor.dtype() != dtype {
            let wanted = match dtype {
                Dtype::F32 => "float32",
                Dtype::I32 => "int32",
                _ => "int64",
            };
            return Err(
                self.reject(format!("tensor `{name}` is {:?}", tensor.dtype()), &format!("save it as {wanted}"))
            );
        }
        Ok(tensor.data())
    }

    /// Whether a matrix lies there in compressed sparse rows.
    fn is_sparse(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_err()
            && PARTS.iter().all(|part| self.tensors.tensor(&format!("{name}.{part}")).is_ok())
    }

    /// Of a tensor in either form.
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        match self.tensors.tensor(name) {
            Ok(tensor) => Some(tensor.shape().to_vec()),
            Err(_) => self.sparse_shapes.get(name).filter(|_| self.is_sparse(name)).cloned(),
        }
    }

    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let values = match self.is_sparse(name) {
            true => self.expanded(name, shape)?,
            false => words(self.tensor(name, shape, Dtype::F32)?, f32::from_le_bytes),
        };
        if self.finite
            && let Some(at) = values.iter().position(|w| !w.is_finite())
        {
            let problem = format!("tensor `{name}` holds a non-finite value at {at}");
            return Err(self.reject(problem, "save finite weights"));
        }
        Ok(values)
    }

    /// All values of a matrix in compressed sparse rows.
    fn expanded(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        if let Some(told) = self.sparse_shapes.get(name).filter(|told| *told != shape) {
            return Err(self.unlike(name, told, shape));
        }
        let [starts, columns, values] = PARTS.map(|part| format!("{name}.{part}"));
        let living = self.tensors.tensor(&values).map_or(0, |tensor| tensor.shape().iter().product());
        let csr = Csr {
            starts: words(self.tensor(&starts, &[shape[0] + 1], Dtype::I32)?, i32::from_le_bytes),
            columns: words(self.tensor(&columns, &[living], Dtype::I32)?, i32::from_le_bytes),
            values: words(self.tensor(&values, &[living], Dtype::F32)?, f32::from_le_bytes),
        };
        csr.dense(shape[1..].iter().product()).map_err(|problem| {
            self.reject(format!("sparse matrix `{name}` has {problem}"), "the file is damaged, or another program's")
        })
    }

    fn unlike(&self, name: &str, found: &[usize], wanted: &[usize]) -> Error {
        self.reject(
            format!("tensor `{name}` has shape {found:?}, the model's has {wanted:?}"),
            "choose the model's sizes, ‹lookback›, ‹horizon›, ‹covariates› and ‹calendar› as the file was trained with",
        )
    }
}

/// Words of four bytes.
fn words<T>(bytes: &[u8], read: fn([u8; 4]) -> T) -> Vec<T> {
    bytes.chunks_exact(4).map(|b| read([b[0], b[1], b[2], b[3]])).collect()
}

/// Reads a row of weights and one of state from a safetensors file that holds exactly the layouts' tensors, by PyTorch's
/// names. Tensors under the prefix `microglia.` are left alone.
pub fn load(
    file: &Path,
    model: &ModelOptions,
    layout: &ParamLayout,
    state: &StateLayout,
) -> Result<(Vec<f32>, Vec<f32>)> {
    let bytes = read(file)?;
    let source = WeightsFile::new(file, &bytes)?;
    reject_uneven(&source, &bytes)?;
    if let (Some(saved), Some(here)) = (saved_patchtst(&bytes), PatchtstHeader::new(model)) {
        let differences = saved.differences(&here);
        if !differences.is_empty() {
            let problem = format!("was trained with other settings: {}", differences.join("; "));
            return Err(source.reject(problem, "choose ‹patchtst-variant› and the others as the file was trained with"));
        }
    }
    rows_of(&source, layout, state)
}

/// The same from the bytes of a file whose header the layouts come from; also of a model that diverged.
pub fn load_own(file: &Path, bytes: &[u8], layout: &ParamLayout, state: &StateLayout) -> Result<(Vec<f32>, Vec<f32>)> {
    rows_of(&WeightsFile { finite: false, ..WeightsFile::new(file, bytes)? }, layout, state)
}

fn rows_of(source: &WeightsFile, layout: &ParamLayout, state: &StateLayout) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut row = vec![0.0; layout.words];
    for param in &layout.params {
        param.set(&mut row, source.floats(&param.name, &param.shape)?);
    }
    let mut running = state.initial();
    for entry in &state.entries {
        if entry.is_count() {
            let bytes = source.tensor(&entry.name, &entry.shape, Dtype::I64)?;
            let count = bytes.try_into().map(i64::from_le_bytes).unwrap_or_default();
            if count < 0 {
                return Err(source.reject(format!("tensor `{}` is {count}", entry.name), "save a count"));
            }
            entry.set_count(&mut running, count);
        } else {
            running[entry.range()].copy_from_slice(&source.floats(&entry.name, &entry.shape)?);
        }
    }
    let part =
        |name: &str| sparse::whole(name).is_some_and(|whole| layout.get(whole).is_some() && source.is_sparse(whole));
    let ours =
        |name: &str| name.starts_with(PREFIX) || layout.get(name).is_some() || state.get(name).is_some() || part(name);
    if let Some(name) = source.tensors.names().into_iter().find(|name| !ours(name)) {
        return Err(source.reject(
            format!("holds a tensor `{name}` that the model lacks"),
            "choose ‹model› and ‹layers› as the file was trained with",
        ));
    }
    Ok((row, running))
}

/// Rejects a file that is no safetensors file, whatever weights it holds.
pub fn check(file: &Path) -> Result<()> {
    WeightsFile::new(file, &read(file)?).map(drop)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    files::read(file, "‹init› takes a safetensors file that can be read")
}

/// What a file of our own says of its model.
fn saved_model(bytes: &[u8]) -> Option<serde_json::Value> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let json: serde_json::Value = serde_json::from_str(header.metadata().as_ref()?.get("microglia")?).ok()?;
    Some(json.get("model")?.clone())
}

/// The same of the PatchTST it holds.
fn saved_patchtst(bytes: &[u8]) -> Option<PatchtstHeader> {
    serde_json::from_value(saved_model(bytes)?.get("patchtst")?.clone()).ok()
}

/// Rejects a compacted model whose layers no options of a training describe.
fn reject_uneven(source: &WeightsFile, bytes: &[u8]) -> Result<()> {
    let uneven = |model: serde_json::Value| model.get("layer_widths")?.as_array().map(|widths| !widths.is_empty());
    match saved_model(bytes).and_then(uneven) {
        Some(true) => Err(source.reject(
            "holds a compacted model, whose layers have widths of their own".into(),
            "start from the file that it was made of, or from its dense export; forecast and evaluate take this one",
        )),
        _ => Ok(()),
    }
}

/// The linear path that a file holds: as its header says, or trained if no header does.
pub fn infer_linear_path(file: &Path) -> Result<LinearPath> {
    let bytes = read(file)?;
    let source = WeightsFile::new(file, &bytes)?;
    let told = saved_model(&bytes).and_then(|model| model.get("linear_path")?.as_str()?.parse().ok());
    let held = source.shape(LINEAR_PATH_WEIGHTS.0).map_or(LinearPath::None, |_| LinearPath::Train);
    Ok(told.unwrap_or(held))
}

/// Sizes of a PatchTST that a file's shapes, or what lies beside it, say: options, layers, and the horizon of a head shared
/// by the channels. `variant` is the one that was asked for, which must be where neither says it.
pub fn infer_patchtst(file: &Path, variant: Option<Variant>) -> Result<(PatchtstOptions, usize, Option<usize>)> {
    let options = PatchtstOptions::of(variant.unwrap_or(Variant::Official));
    let bytes = read(file)?;
    let source = WeightsFile::new(file, &bytes)?;
    reject_uneven(&source, &bytes)?;
    let shape = |name: &str| -> Result<[usize; 2]> {
        source.shape(name).and_then(|shape| shape.try_into().ok()).ok_or_else(|| {
            let problem = format!("holds no matrix `{name}`");
            source.reject(problem, "the names must be those of transformers' PatchTSTForPrediction")
        })
    };
    let [d_model, patch] = shape("model.encoder.embedder.input_embedding.weight")?;
    let [ff, _] = shape("model.encoder.layers.0.ff.0.weight")?;
    let [tokens, _] = shape("model.encoder.positional_encoder.position_enc")?;
    let [horizon, inputs] = shape("head.projection.weight")?;
    let holds = |name: &str| source.shape(name).is_some();
    let layers = (0..).take_while(|layer| holds(&format!("model.encoder.layers.{layer}.ff.0.weight"))).count();
    let batch = holds("model.encoder.layers.0.norm_sublayer1.batchnorm.weight");
    let by_channel = options.by_channel();
    let told = match saved_patchtst(&bytes) {
        Some(saved) => Told::by_header(&saved),
        None => match Told::by_transformers(file, options.variant)? {
            Some(told) => told,
            None if variant.is_some() => Told::default(),
            None => {
                let problem = "neither the file nor a config.json beside it says which PatchTST it holds".to_string();
                return Err(source.reject(problem, "type ‹patchtst-variant official›, hf or authors"));
            }
        },
    };
    let options = PatchtstOptions {
        d_model,
        ff,
        patch: if by_channel { Some(patch) } else { options.patch },
        stride: told.stride.or(options.stride),
        heads: told.heads.unwrap_or(options.heads),
        norm_position: told.norm_position.unwrap_or(options.norm_position),
        ff_activation: told.ff_activation.unwrap_or(options.ff_activation),
        positions: told.positions.unwrap_or(options.positions),
        norm: if batch { NormKind::Batch } else { NormKind::Layer },
        pool: if inputs == d_model && tokens > 1 { Pool::Mean } else { Pool::Flatten },
        ..options
    };
    Ok((options, layers, by_channel.then_some(horizon)))
}
