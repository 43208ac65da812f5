//! The integration tests, in one binary because linking wgpu is slow.

/// Scalers and scores of long series.
mod accuracy;
/// Which module may name which.
mod architecture;
/// What `auto` leaves to the validation rows.
mod auto;
/// Scores and baselines by hand, and the published ETT protocol.
mod baselines;
/// No kernel's index lies outside what is bound.
mod bounds;
/// Calendars in pandas' notation.
mod calendar_aliases;
/// Holidays, and rows of zeros.
mod calendar_days;
/// Multiples of business days, days that roll, and calendars that are a guess.
mod calendar_guesses;
/// Periods of 4 and 5 weeks.
mod calendar_retail;
/// Calendars found from rows, and seasons.
mod calendars;
/// Columns of levels, whose codes a model embeds.
mod categorical;
/// The program as users meet it.
mod cli;
/// Runs on Parquet and Arrow files, as users meet them.
#[cfg(feature = "parquet")]
mod cli_columnar;
/// Data other than a model's own, as users meet it.
mod cli_data;
/// Scores of trained models, as users meet them.
mod cli_evaluate;
/// Forecasts of trained models, as users meet them.
mod cli_forecast;
/// PatchTST as users meet it.
mod cli_patchtst;
/// Ragged panels, training on all rows, and outputs that stay short, as users meet them.
mod cli_ragged;
/// Runs that were killed, interrupted, or whose disk was full, as users meet them.
mod cli_resume;
/// Searches as users meet them.
mod cli_tune;
/// Weights files, looked into and written anew, as users meet it.
mod cli_weights;
/// Files that are written otherwise than those a model was trained on, as users meet them.
mod cli_written;
/// The fuzz target of Parquet and Arrow files.
#[cfg(feature = "parquet")]
#[path = "../../fuzz/columnar.rs"]
mod columnar_target;
/// Units that pruning has cut off.
mod compact;
mod compacting;
/// `compare` names broken engines.
mod compare;
/// Two runs in one folder, a signal twice, a closed stdout, and where a run writes.
mod concurrency;
/// What weights are ranked by, and how they grow again.
mod criteria;
/// Files as people have them.
mod data;
/// Parquet and Arrow files.
#[cfg(feature = "parquet")]
mod data_columnar;
/// Times in Parquet and Arrow files.
#[cfg(feature = "parquet")]
mod data_columnar_times;
/// The embedded set is the documented one.
mod data_embedded;
/// Tables as they are exported.
mod data_files;
/// Data frames in memory.
#[cfg(feature = "parquet")]
mod data_frames;
/// Missing values: words, policies, masks.
mod data_missing;
/// Numbers and flags as they are exported.
mod data_numbers;
/// One syntax for flags and TOML.
mod data_options;
/// Nothing reads the future.
mod data_properties;
/// Panels whose series begin and end at different times, and series too short for a window.
mod data_ragged;
/// Train, validation and test, and panels.
mod data_split;
/// How times are written.
mod data_time_forms;
/// The time column, steps, gaps, calendar.
mod data_times;
/// The same bits, run after run.
mod determinism;
/// Adapters that give way, and what `devices --check` finds.
mod devices;
/// Cards that do not work, as users meet them.
#[cfg(target_os = "linux")]
mod devices_cards;
/// Divergence, caused after every op: seen in the step it happens in, or the next, and in its replica alone.
mod divergence;
/// Two drivers side by side.
mod drivers;
/// Several runs that forecast together, as users meet them.
mod ensembles;
/// Studies: grids, resuming, parts, rejections, reports.
mod experiment;
mod experiment_edges;
/// Devices that fail on purpose.
mod faults;
/// Every backward op against central finite differences in f64.
mod finite_difference;
/// Intervals, calendars, and a model on new data.
mod forecast;
mod future;
/// What the fuzz targets do, here and in `fuzz/`.
#[path = "../../fuzz/targets.rs"]
mod fuzz_targets;
/// The fuzz targets on the kept corpus and on random input.
mod fuzzed;
/// What PyTorch computed.
mod golden;
/// Losses, clipping and learning rates as PyTorch computes them.
mod golden_ops;
/// PatchTST as `transformers` and PyTorch compute it.
mod golden_patchtst;
/// Whole runs on a tiny file, as PyTorch does them.
mod golden_run;
/// The same bits, whatever the grouping.
mod gpu_bits;
/// A device that the caller opened.
mod gpu_device;
/// Extreme values, stopped replicas, rejections.
mod gpu_edges;
/// The engines that tests run on.
mod gpu_support;
/// Files that no sound program wrote.
mod hostile;
/// Weights files that are torn, forged or another model's.
mod hostile_checkpoint;
/// Parquet and Arrow files that are damaged or forged.
#[cfg(feature = "parquet")]
mod hostile_columnar;
/// Pipes, devices and links in the place of files, other people's files, values of megabytes.
mod hostile_places;
/// Weights to and from PyTorch and transformers.
mod interop;
/// Every shader in every backend's language.
mod languages;
/// Nothing reads the future, however a panel is read.
mod leaks;
/// A linear map beside the network.
mod linear_path;
/// Memory that does not grow.
mod memory;
/// Where forecasts begin.
mod origins;
/// Every op on the GPU against its CPU twin.
mod parity;
/// PatchTST through whole runs, and its programs.
mod patchtst;
/// A PatchTST that cannot be built, and files to start from.
mod patchtst_files;
/// Quantiles, distributions, bounds and losses.
mod probabilistic;
/// Costs by hand, profiles of both engines, and `microglia profile` as users meet it.
mod products;
mod profile;
/// A run that stops at any step and goes on ends in the bits of the one that never stopped.
mod resume;
/// Every shader, checked without a GPU.
/// Scopes of pruning, patterns and caps.
mod scope;
/// What shaders may index, for compilers to keep it in registers.
mod shader_habits;
mod shaders;
/// Statistics as SciPy computes them.
mod statistics;
/// No dispatch beyond what a submission may take.
mod submissions;
/// What Rust source names.
mod syntax;
/// The scripts that ask compilers: what they reject.
#[cfg(unix)]
mod tools;
/// The exact smallest weights, against a sort.
mod topk;
/// Whole runs: seeds, replicas, threads, pruning, interruption.
mod training;
/// Searches over the settings of a run.
mod tune;
/// How products are cut by measurement, kept and repeated.
mod tuning;
/// Units that are pruned as wholes.
mod units;
/// Rows that weigh in the loss and in scores.
mod weights;
/// Clocks, their changes, and their names.
mod zones;
