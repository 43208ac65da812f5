//! Text that `--help` prints below the options.

pub(super) const TRAIN_HELP: &str = "\
Without options, `train` fits an LSTM with synaptic pruning to the embedded weather set: hourly weather of three \
airports, 48 rows in, 6 rows out, target temp, covariates humid and wind_speed. Results go to stdout, progress to \
stderr. The run folder holds weights, checkpoints, metrics, two pictures and config.toml.

Examples:
  microglia train
  microglia train --data sales.csv --target units --covariates price,promo --horizon 14
  microglia train --data ETTh1.csv --target HUFL,OT --split 8640,11520,14400 --horizon 96
  microglia train --regularizer none --replicas 5
  microglia train --config runs/2026-01-31-120000-lstm/config.toml
  microglia train --resume runs/2026-01-31-120000-lstm

TOML file of --config: any option may be a key, without the dashes (`prune-every = 5`), except --config, --preset, \
--resume and --schema. Typed options override the file. `auto` and `none`, where an option takes them, undo what the file \
says. The files that `data` and `init` name are relative to the folder of the TOML file; `out` is relative to the \
current folder.

--resume continues an interrupted run. On the same device, the result is bit-identical to that of an uninterrupted \
run. Other options must repeat the run's settings; only --device, --threads, --checkpoint-every, --keep-checkpoints, \
--json and larger --epochs and --max-steps may differ. --epochs may grow only with --lr-schedule constant or decay.

Ctrl-C and SIGTERM (Slurm, Kubernetes, a shutdown) save a checkpoint and stop; a second signal quits at once. SIGHUP \
is not caught, so a run under `nohup` survives the end of its terminal.

Exit codes: 0 done · 1 training diverged · 2 bad input or usage · 130 interrupted (Ctrl-C) · 143 terminated (SIGTERM).";

pub(super) const DEVICES_HELP: &str = "\
On a new card, first run `microglia devices --check`, and attach its output to a bug report. Each adapter is checked \
in a process of its own, so a driver that crashes or hangs is reported too. `microglia compare` then checks more \
models and shapes.

Exit codes: 0 listed, or every check passed · 1 a check failed, or --check found no adapter · 2 bad usage.";

pub(super) const COMPARE_HELP: &str = "\
Run this on a new card or driver, after `microglia devices --check`. For models of every kind and several shapes, \
both engines run each op from the same inputs. Two comparisons of training steps follow:
  from equal state   each step starts from the CPU engine's state; losses, gradients and weights
                     must agree within tolerances, and masks exactly
  independent        each engine continues from its own state; a loss gap above 1 %
                     or a value that is not finite fails

Exit codes: 0 the engines agree · 1 they do not · 2 bad usage, or the device does not exist.";

pub(super) const PROFILE_HELP: &str = "\
Takes the options of `microglia train`, runs real steps of that run, and prints each op's time, operations and \
bytes. It compares them with the device's limits, which it measures first: a copy, multiply-adds and empty \
dispatches. If a GPU does not support timestamps, the times are wall-clock times, and the output says so. Nothing is \
saved except the files that you name.

Examples:
  microglia profile
  microglia profile --device llvmpipe --vs cpu
  microglia profile --model patchtst --replicas 10 --trace trace.json --svg roofline.svg
  microglia profile --preset authors-lstm --data bitcoin.csv --print-program

Exit codes: 0 done · 2 bad input or usage.";

pub(super) const EXPORT_HELP: &str = "\
Forms:
  dense    the state dict with PyTorch's names, as model.safetensors
  sparse   matrices in compressed sparse rows where that is smaller: NAME.crow_indices,
           NAME.col_indices and NAME.values; forecasts are bit-identical
  compact  a dense model without the hidden units, feed-forward units, heads and attention
           channels that reach nothing or are constant; forecasts agree to 1e-6

`forecast`, `evaluate`, `inspect` and `export` read every form. `train --init` does too, unless `compact` left \
layers of different widths.

Examples:
  microglia export runs/2026-01-31-120000-lstm --out lstm.safetensors
  microglia export runs/2026-01-31-120000-lstm --form compact --out small.safetensors

Exit codes: 0 done · 2 bad input or usage.";

pub(super) const EXPERIMENT_HELP: &str = "\
By default, `experiment` compares none, dropout, Monte Carlo dropout and pruning, five seeds each, for RNN and LSTM \
and two look-backs, on the embedded weather set, in about five minutes on two cores. All methods and seeds of a cell \
train side by side, each for all epochs; a PatchTST has 2 layers. The study's folder holds results.csv, the analysis plan and the report. You may stop a study at \
any moment; the same command continues it.

Examples:
  microglia experiment
  microglia experiment --data sales=sales.csv --set sales.target=units --lookbacks 28 --horizon 14
  microglia experiment --methods none,dropout:p=0.1,dropout:p=0.3,pruning,one-shot --seeds 1..10
  microglia experiment --preset paper --data air=AirQualityUCI.csv --data bitcoin=bitcoin.csv
  microglia experiment --preset sparsity --seeds 1..3
  microglia experiment --config study.toml --shard 2/8 --out part-2
  microglia experiment --merge part-1 part-2 part-3 --out whole

A method is NAME or NAME:KEY=VALUE:…
  NAME     none, dropout, mc-dropout, l2, weight-decay, pruning, random-pruning, one-shot,
           narrower, or regularizers joined by +
  KEY      p, lambda, lr, sparsity, schedule, until, warmup, every, unit, scope, cap, score or
           regrow; a key that has no effect on NAME is rejected
  as=NAME  names a method, to distinguish two
Several settings of one name compete on validation rows, and the best represents the method.

TOML file of --config: the options under Grid and Training are keys, without the dashes, with lists as arrays \
(`lookbacks = [12, 24]`). --preset, --config, --data and --set are not keys: a data set is a table [data.NAME] with \
the keys of `train` under Data, except lookback and horizon. The files that these tables name are relative to the \
folder of the TOML file. Typed options override the file.

Exit codes: 0 done · 1 a whole cell diverged, now or in an earlier run of the study · 2 bad input or usage · 130 \
interrupted (Ctrl-C) · 143 terminated (SIGTERM). --report exits with 0 when the report is written.";

pub(super) const TUNE_HELP: &str = "\
Tries the run's own settings and random ones, and chooses by the validation loss. What replicas of one run may differ in \
(learning rate and its schedule, clipping, regularizer, dropout, weight decay, sparsity and its schedule) trains side by \
side; each value of another option (hidden, layers, lookback, batch, …) is a run of its own. With --halving, only the best \
third trains on after a ninth of the steps, and a third of these after a third. Look-backs are compared on the same \
validation targets. The test rows are scored once the choice is made, for the chosen configuration and for the run's own.

Examples:
  microglia tune
  microglia tune --data sales.csv --target units --search lr=1e-4..1e-2,hidden=32|64|128,lookback=28|56
  microglia tune --regularizer dropout --search lr=1e-4..1e-2,dropout=0..0.5 --seeds 3 --budget 30min
  microglia tune --resume runs/2026-01-31-120000-lstm
  microglia train --config runs/2026-01-31-120000-lstm/best.toml

The search's folder holds best.toml (`train --config` repeats the chosen models bit for bit on the same device), \
tuning.csv with every configuration, tuning.svg and tuning.json.

Exit codes: 0 done · 1 every configuration diverged · 2 bad input or usage · 130 interrupted (Ctrl-C) · 143 terminated \
(SIGTERM).";

pub(super) const FORECAST_HELP: &str = "\
Writes the next rows of each series, in the data's units. The columns follow the convention of Nixtla's libraries: \
unique_id, ds, LSTM, LSTM-lo-95, … LSTM-hi-95; id and time columns keep the names they have in the data. New data is \
scaled by the run's scalers, never by its own values. Without --out, the CSV goes to stdout, and tables and messages \
go to stderr.

Intervals are split-conformal, by series and step. The half-width is the absolute residual of rank ⌈(n + 1)·level⌉ \
on the validation rows, or on the rows that `train --calibration` held out. Rows of a time series are not \
exchangeable, so the coverage is not guaranteed; the command prints the coverage on the test rows. The run keeps both \
for 50, 80, 90, 95 and 99 %; other levels and ensembles read the training data, and --train-data names it if it has moved.

Examples (RUN: a run folder, such as runs/2026-01-31-120000-lstm):
  microglia forecast --checkpoint RUN --out forecast
  microglia forecast --checkpoint RUN --data new.csv --levels 50,90 > new-forecast.csv
  microglia forecast --checkpoint RUN --origin 2013-12-01T00:00 --levels none
  microglia forecast --checkpoint RUN --ensemble median --horizon 48 --recursive

Exit codes: 0 done · 2 bad input or usage.";

pub(super) const EVALUATE_HELP: &str = "\
Scores every window of a part of the training data, or of another file, beside the three baselines: repeat last, \
seasonal naive and ridge. Scores are printed by fold, series and step.

MAPE is |y - f| / |y|, without the values that are 0, whose number is printed. sMAPE is |y - f| / (|y| + |f|), and 0 \
where both are 0. MASE divides by the training rows' mean absolute change over a season.

--folds K forecasts one horizon from each of K origins, --step rows apart; the last horizon ends at the end of the \
part. --refit trains anew for each fold, on the rows before it, with the run's settings.

Examples (RUN: a run folder, such as runs/2026-01-31-120000-lstm):
  microglia evaluate --checkpoint RUN
  microglia evaluate --checkpoint RUN --part validation --levels none
  microglia evaluate --checkpoint RUN --data new.csv --predictions windows.csv
  microglia evaluate --checkpoint RUN --folds 6 --step 24 --refit --table folds.csv

Exit codes: 0 done · 1 training diverged in a fold · 2 bad input or usage · 130 interrupted (Ctrl-C) · 143 \
terminated (SIGTERM).";
