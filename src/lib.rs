//! Microglia trains time-series forecasters (RNN, LSTM, GRU, PatchTST, NLinear, DLinear) with *synaptic pruning*: while a network trains, its
//! smallest weights are cut along a schedule, for good unless they are asked to grow again, and what remains learns on
//! ([arXiv 2508.09330](https://arxiv.org/abs/2508.09330)). It works in WGSL compute shaders on any Vulkan, Metal or DX12 GPU,
//! through `wgpu` and no framework, or on a CPU engine that needs no driver. The program `microglia` is made of this
//! library, and does nothing that the library cannot.
//!
//! ```
//! use microglia::data::{DataOptions, Row};
//! use microglia::reference::CpuEngine;
//! use microglia::train::scores::predict::predict;
//! use microglia::train::{Plan, TrainOptions, run};
//!
//! # fn main() -> microglia::Result<()> {
//! // A wave of 24 rows, from an iterator; `DataOptions { source, .. }.load()` reads a CSV file.
//! let wave = (0..300).map(|row| Row::new(row, [10.0 + (f64::from(row) * std::f64::consts::TAU / 24.0).sin()]));
//! let options = DataOptions { lookback: Some(24), horizon: Some(6), ..DataOptions::default() };
//! let dataset = options.load_rows("wave", &["y"], wave)?;
//!
//! let mut options = TrainOptions { epochs: Some(3), ..TrainOptions::default() };
//! options.model.hidden = 8;
//! let plan = Plan::new(&dataset, &options)?;
//! let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;
//! let trained = run(&dataset, &plan, &mut engine, &mut ())?;
//! assert_eq!(trained.history.len(), 3);
//!
//! // Six rows after the last window's input, in the data's units.
//! let last = dataset.test[dataset.test.len() - 1];
//! let (forecasts, _) = predict(&mut engine, &plan, &[last], None, &|| false)?;
//! let values: Vec<f64> = forecasts[0].point().iter().map(|&scaled| dataset.unscale(0, 0, scaled.into())).collect();
//! assert!(values.len() == 6 && values.iter().all(|value| (8.0..12.0).contains(value)));
//! # Ok(())
//! # }
//! ```
//!
//! # From a series to a model
//! Data flows one way: series → windows → forward → loss → backward → prune → update → metrics → report.
//! 1. [`data::DataOptions`] reads a file or an iterator into a [`data::Dataset`]: scaled rows, and windows that are the index of
//!    their first row. What is missing, duplicate or ambiguous is an [`Error`] that names file, line, column, value and what to do.
//! 2. [`train::Plan`] makes of a data set and [`train::TrainOptions`] a [`program::Program`]: a list of ops, forward and
//!    backward, for R replicas that train side by side.
//! 3. An [`engine::Engine`] runs the program: [`reference::CpuEngine`] or [`kernels::GpuEngine`]. Every op is written twice, and
//!    [`compare`] holds the two against each other.
//! 4. [`train::run()`] trains, reports every epoch to a [`train::Observer`] and asks it whether to stop;
//!    [`train::run_from`] also writes [`train::Checkpoints`] and resumes from one, to the same bits.
//! 5. [`train::summarize`] scores the kept weights and the [`train::scores::baselines`] on every test window, in the data's units;
//!    [`train::Loaded`] opens a weights file to forecast with it.
//!
//! [`runs::Run`] does all of this for a [`config::Config`], as the program does.
//!
//! # Modules
//! What most programs need, and what will change with care:
//!
//! | module | what it is |
//! |---|---|
//! | [`data`] | a file or rows in memory → windows of scaled rows |
//! | [`config`] | every option, and what a set of them means |
//! | [`runs`] | a whole run: from a configuration to the files in its folder; resuming |
//! | [`train`] | options, plan, loop, checkpoints, metrics, weights files |
//! | [`forecast`] | trained models: the next rows, intervals, scores, backtests |
//! | [`experiment`] | studies: grids of runs, statistics, reports |
//! | [`tune`] | searches over the settings of a run |
//! | [`models`] | the networks and their options |
//! | [`error`] | the error type, and sentences that name options |
//!
//! How they are computed, for whoever checks, profiles or extends the engines. These modules may change in any version:
//!
//! | module | what it is |
//! |---|---|
//! | [`program`] | a model as data: tensors, ops, arenas of weights; read [`program::op`] first |
//! | [`layers`] | what emits the ops |
//! | [`engine`] | what both engines can do |
//! | [`mod@reference`] | the CPU engine |
//! | [`gpu`], [`kernels`] | the GPU engine: plumbing that knows no op, and the host side of each shader |
//! | [`compare`], [`profile`] | both engines against an f64 oracle; where a step's time goes |
//! | [`dims`], [`files`] | sizes; whole files or none |
//!
//! # Conventions
//! - Shapes are row-major, by letters: R replicas, B batch, T input steps, C channels (targets first), Z horizon, K targets,
//!   H hidden units; of a transformer also N patches and D model width. R is outermost in every tensor and left out in docs.
//! - Values are in scaled units (mean 0, deviation 1 over a column's training rows) unless "the data's units" are named; times
//!   are seconds, sizes words of 32 bits or, where named so, bytes.
//! - The same seed gives the same bits on the same device and driver, at any number of threads and replicas.
//! - Bad input is an [`Error`] and no panic; it says what to do after `help:`.
//!
//! # On a device of your own
//! [`gpu::Devices`] opens what a choice allows, and tries the next adapter, at last to the CPU engine, where one fails;
//! [`gpu::Gpu::open`] takes the adapter that a name means; [`gpu::Gpu::with_device`] takes a `wgpu::Device` and queue that your
//! program opened, and [`kernels::GpuEngine::buffer`] gives the buffers, so that results need not pass the host.
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | on | the program `microglia`, with `clap`, `anyhow`, `indicatif` and `signal-hook`; brings `plots` |
//! | `parquet` | off | Parquet and Arrow files as data ([`data::Source::File`]), and record batches in memory ([`data::Frame`]), with the crates of Apache Arrow; builds zstd, which takes a C compiler |
//! | `plots` | on | pictures as SVG, with `plotters`: `train::plot`, `profile::roofline_svg`, those of a study's report |
//!
//! A library's user writes `microglia = { version = "0.1", default-features = false }`.
//!
//! `examples/` holds a forecaster in 30 lines, series from an iterator, a callback per epoch with a stop flag, a kernel on a
//! device of one's own, forecasts of a trained model as a file, and the way to PyTorch and back.

mod memory;
mod palette;
#[cfg(feature = "plots")]
mod plot;
mod tables;
mod words;

pub mod compare;
pub mod config;
pub mod data;
pub mod dims;
pub mod engine;
pub mod error;
pub mod experiment;
pub mod files;
pub mod forecast;
pub mod gpu;
pub mod kernels;
pub mod layers;
pub mod models;
pub mod profile;
pub mod program;
pub mod reference;
pub mod runs;
pub mod train;
pub mod tune;

pub use error::{Error, Result};
