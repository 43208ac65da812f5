//! Options of where a run is computed and what it leaves.

use toml::Value;

use super::super::Config;
use super::super::field::at;
use super::super::kind::Kind;
use super::super::option::{Access, AtResume, Opt};
use crate::reference::MAX_THREADS;

/// A flag's field.
macro_rules! flag {
    ($field:ident) => {
        Access {
            get: |config: &Config| Some(Value::Boolean(config.$field)),
            set: |config: &mut Config, text| {
                config.$field = text == Some("true");
                Ok(())
            },
        }
    };
}

/// Under "Device".
pub static DEVICE: &[Opt<Config>] = &[
    Opt::new(
        "device",
        Kind::Text,
        at!(device),
        "auto (the best real GPU, else the CPU engine), cpu, gpu, or part of an adapter's name (llvmpipe); see \
         `microglia devices`",
    )
    .value("DEVICE")
    .at_resume(AtResume::Free),
    Opt::new(
        "threads",
        Kind::Whole(1, MAX_THREADS as u64),
        at!(threads?),
        "Threads of the CPU engine, 1 to 1024; results are bit-identical for any number",
    )
    .auto("one per core")
    .at_resume(AtResume::Free),
];

/// Under "Device" too: how a GPU's matrix products are cut.
pub static TUNING: &[Opt<Config>] = &[
    Opt::new(
        "autotune",
        Kind::Flag,
        flag!(autotune),
        "Measure on the GPU how to split the matrix products. config.toml and the checkpoint store the choice, so a \
         run from there does not measure again",
    )
    .default("off: chosen by the kind of GPU and the model's shape"),
    Opt::new("tuning", Kind::Table, at!(tuning?), "Choice of an earlier ‹autotune›: the table [tuning] of a TOML file")
        .hidden(),
];

/// Under "Checkpoints".
pub static CHECKPOINTS: &[Opt<Config>] = &[
    Opt::new(
        "checkpoint-every",
        Kind::Text,
        at!(checkpoint_every),
        "Steps (500) or seconds (60s) between checkpoints; none saves one only where the run stops",
    )
    .value("N|Ns|none")
    .at_resume(AtResume::Free),
    Opt::new(
        "keep-checkpoints",
        Kind::Whole(1, 1_000_000),
        at!(keep_checkpoints),
        "Newest checkpoints to keep; each also holds the best weights so far",
    )
    .value("K")
    .at_resume(AtResume::Free),
];

/// Under "Output": where results go, and no part of what is run.
pub static OUTPUT: &[Opt<Config>] = &[
    Opt::new("out", Kind::Place, at!(out?), "Run folder").default("runs/<date>-<time>-<model>"),
    Opt::new("overwrite", Kind::Flag, flag!(overwrite), "Replace the run in the run folder"),
    Opt::new("json", Kind::Flag, flag!(json), "Print the summary as JSON on stdout instead of tables")
        .at_resume(AtResume::Free),
];
