"""A model of neuralforecast with its own defaults, scored on the windows that scripts/accuracy scores: MAE in the data's units.

    python benches/peers/neuralforecast_models.py CSV TARGET LOOKBACK HORIZON BORDERS MODEL SEED THREADS

Needs `pip install neuralforecast`. BORDERS are the row borders of the parts, `TRAIN_END,VAL_END,TEST_END`; empty for the default 70,
10 and 20 % of each series. The model trains to the end of its steps. Missing values are the last seen ones, and are not scored.
"""

import json
import logging
import os
import sys
import warnings

os.environ["NIXTLA_ID_AS_COL"] = "1"
warnings.filterwarnings("ignore")
logging.getLogger("lightning").setLevel(logging.ERROR)
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)

import pandas as pd  # noqa: E402
import torch  # noqa: E402
from neuralforecast import NeuralForecast  # noqa: E402
from neuralforecast import models  # noqa: E402

IDS, TIMES = ["unique_id", "origin"], ["ds", "time_hour"]


def panel(path, target):
    """`unique_id, ds, y`, times as row numbers: gaps are not filled here either."""
    frame = pd.read_csv(path, comment="#")
    column = next((name for name in IDS if name in frame), None)
    time = next(name for name in TIMES if name in frame)
    frame["unique_id"] = frame[column] if column else "1"
    frame = frame.sort_values(["unique_id", time], kind="stable")
    frame["ds"] = frame.groupby("unique_id").cumcount()
    frame["truth"] = frame[target if target in frame else "y"]
    frame["y"] = frame.groupby("unique_id")["truth"].ffill().bfill()
    return frame[["unique_id", "ds", "y", "truth"]]


def main():
    path, target, lookback, horizon, borders, name, seed, threads = sys.argv[1:]
    lookback, horizon = int(lookback), int(horizon)
    torch.set_num_threads(int(threads))
    frame = panel(path, target)
    rows = frame.groupby("unique_id")["ds"].transform("size")
    if borders:
        train, validation, _ = map(int, borders.split(","))
        first = pd.Series(validation, index=frame.index)
    else:
        # As the program rounds them.
        train_end, first = (rows * 0.7).astype(int), (rows * 0.8).astype(int)
        train, validation = train_end.max(), first.max()
    frame["first"] = first
    size = int((rows - first).max())
    model = getattr(models, name)(
        h=horizon, input_size=lookback, random_seed=int(seed), accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False,
    )
    forecasts = NeuralForecast(models=[model], freq=1).cross_validation(
        frame[["unique_id", "ds", "y"]], n_windows=None, step_size=1, val_size=int(validation - train), test_size=size
    )
    forecasts = forecasts.merge(frame[["unique_id", "ds", "truth", "first"]], on=["unique_id", "ds"])
    # Every target of a window lies in the test part.
    forecasts = forecasts[(forecasts["cutoff"] + 1 >= forecasts["first"]) & forecasts["truth"].notna()]
    error = (forecasts[name] - forecasts["truth"]).abs()
    print(json.dumps({"test": float(error.mean()), "windows": int(forecasts.groupby("unique_id")["cutoff"].nunique().sum())}))


main()
