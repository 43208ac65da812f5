//! What `--help` says below the options.

pub const TRAIN_HELP: &str = "\
Without any option an LSTM with synaptic pruning learns the embedded hourly weather. Results go to stdout, \
progress to stderr; the run folder holds weights, metrics, plots and the resolved configuration.

Examples:
  microglia train
  microglia train --data sales.csv --target units --covariates price,promo --horizon 14
  microglia train --data ETTh1.csv --target HUFL,OT --split 8640,11520,14400 --horizon 96
  microglia train --regularizer none --replicas 5
  microglia train --config runs/2026-01-31-120000-lstm/config.toml
  microglia train --resume runs/2026-01-31-120000-lstm

Any option may stand in the TOML file of --config, without the dashes (`prune-every = 5`); options typed here win. \
`auto` and `none`, where an option takes them, undo what the file says. Files that it names are found from its own folder.

--resume ends, on the same device, in the bits of the run that never stopped. What it was asked for may be repeated; what \
differs is refused, but for --device, --threads, --checkpoint-every, --keep-checkpoints, and more --epochs where the learning \
rate does not depend on their number.

Exit codes: 0 done · 1 training diverged · 2 bad input or usage · 130 interrupted.";

pub const DEVICES_HELP: &str = "\
--check is the first thing to run on a new card, and its output belongs into a report of a bug. Each adapter is checked in a \
process of its own: one that crashes or hangs is reported too. `microglia compare` then runs more cases and longer.

Exit codes: 0 listed, or all that was checked holds · 1 something does not hold, or --check found no adapter · 2 bad usage.";

pub const COMPARE_HELP: &str = "\
What to run on a new card or driver, after `microglia devices --check`. Models of every kind and several shapes run op by op on both engines from the same inputs; \
then training steps, each from the CPU engine's state; then steps on their own, where only a loss gap above 1 % or a \
non-finite value fails.

Exit codes: 0 the engines agree · 1 they do not · 2 there is no such device.";

pub const PROFILE_HELP: &str = "\
Takes the options of `microglia train`, trains real steps of that run, and prints each op's time, operations, bytes and share \
of what the device reached in a copy, in multiply-adds on registers and in empty dispatches, measured first. Where a device \
takes no timestamps, ops are timed by wall clock, and the output says so. Nothing is saved but the files named here.

Examples:
  microglia profile
  microglia profile --device llvmpipe --vs cpu
  microglia profile --model patchtst --replicas 10 --trace trace.json --svg roofline.svg
  microglia profile --preset authors-lstm --data bitcoin.csv --print-program

Exit codes: 0 done · 2 bad input or usage.";

pub const EXPORT_HELP: &str = "\
dense: every tensor by PyTorch's names, as model.safetensors. sparse: matrices in compressed sparse rows where that is smaller, as \
NAME.crow_indices, NAME.col_indices and NAME.values. compact: a dense model without the hidden units, feed-forward units and \
attention channels that reach nothing or are constant; its forecasts are the same to rounding. forecast, evaluate, inspect and export \
read each form; train --init takes all but a compact one whose layers differ in width.

Examples:
  microglia export runs/2026-01-31-120000-lstm --out lstm.safetensors
  microglia export runs/2026-01-31-120000-lstm --form compact --out small.safetensors

Exit codes: 0 done · 2 bad input or usage.";

pub const EXPERIMENT_HELP: &str = "\
Without any option: none, dropout, Monte Carlo dropout and pruning, five seeds each, RNN and LSTM, two look-backs, on the \
embedded hourly weather, in about five minutes on two cores. All methods and seeds of a cell train side by side in one \
run. The folder holds results.csv, the analysis plan and the report; run the same again, and it goes on where it was.

Examples:
  microglia experiment
  microglia experiment --data sales=sales.csv --set sales.target=units --lookbacks 28,56 --horizon 14 --seeds 1..10
  microglia experiment --methods none,dropout:p=0.1,dropout:p=0.3,pruning,random-pruning,one-shot,narrower
  microglia experiment --preset paper --data air=AirQualityUCI.csv --data bitcoin=bitcoin.csv
  microglia experiment --config study.toml --shard 2/8 --out part-2
  microglia experiment --merge part-1 part-2 part-3 --out whole

A method is NAME or NAME:KEY=VALUE:…, with those of the keys p, lambda, lr, sparsity, schedule, until, warmup and every \
that change it, and as=NAME to tell two apart. Several settings of one name compete on validation rows, and the best stands \
for the method.

In the TOML file of --config stand the options under Grid and Training, by these names without the dashes, lists as arrays \
(`lookbacks = [12, 24]`), but for --preset, --config, --data and --set: data sets stand there as [data.NAME] with the keys \
of `microglia train`. Their files are found from the folder of the TOML file. Options typed here win.

Exit codes: 0 done · 1 a whole cell diverged, now or in an earlier run of the study · 2 bad input or usage · \
130 interrupted. A report alone (--report) is done, 0, when it is written.";

pub const FORECAST_HELP: &str = "\
Writes the rows that follow each series' last one, in the data's units: unique_id, ds, LSTM, LSTM-lo-95, … LSTM-hi-95, the convention \
of Nixtla's libraries; id and time columns keep the names of the data. New data is scaled by the training run's scalers and never by its \
own values. Without --out the CSV goes to stdout; tables and remarks go to stderr then.

Intervals are split-conformal: by series and step, the absolute residual of rank ⌈(n + 1)·level⌉ on the validation rows, or on \
those that `train --calibration` kept from the choice of the epoch. Rows of a time series are not exchangeable, so nothing is guaranteed: \
what the intervals held on the test rows is printed. They need the training data as it was (--train-data, where it has moved).

Examples:
  microglia forecast --checkpoint runs/2026-01-31-120000-lstm --out forecast
  microglia forecast --checkpoint runs/2026-01-31-120000-lstm --data new.csv --levels 50,90 > new-forecast.csv
  microglia forecast --checkpoint runs/2026-01-31-120000-lstm --origin 2013-12-01T00:00 --levels none
  microglia forecast --checkpoint runs/2026-01-31-120000-lstm --ensemble median --horizon 48 --recursive

Exit codes: 0 done · 2 bad input or usage.";

pub const EVALUATE_HELP: &str = "\
Scores every window of a part of the training data, or of another file, beside repeat-last, seasonal-naive and the ridge, by step and by \
series. MAPE and sMAPE are shares: |y - f| / |y|, without the values that are 0, whose number is printed; |y - f| / (|y| + |f|), \
0 where both are 0. MASE divides by the training rows' mean change over a season.

--folds K forecasts one horizon from each of K origins, --step rows apart, the last at the part's end; --refit trains anew for \
each on the rows before it, as the run was trained.

Examples:
  microglia evaluate --checkpoint runs/2026-01-31-120000-lstm
  microglia evaluate --checkpoint runs/2026-01-31-120000-lstm --part validation --levels none
  microglia evaluate --checkpoint runs/2026-01-31-120000-lstm --data new.csv --predictions windows.csv
  microglia evaluate --checkpoint runs/2026-01-31-120000-lstm --folds 6 --step 24 --refit --table folds.csv

Exit codes: 0 done · 1 training diverged in a fold · 2 bad input or usage · 130 interrupted.";
