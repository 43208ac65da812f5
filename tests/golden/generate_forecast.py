"""forecast.csv: what `microglia forecast` must write, in numpy and f64.

An LSTM with the weights of run_lstm.init.safetensors (PyTorch's), on tiny.csv, forecasts the rows after row 40 and after the
last; intervals are split-conformal at 80 % from the validation windows. Needs numpy and safetensors.
"""

import csv
import datetime
import math
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).parent
LOOKBACK, HORIZON, LEVEL = 7, 2, 80

rows = list(csv.DictReader(open(HERE / "tiny.csv")))
series = np.array([[float(row["y"]), float(row["x"])] for row in rows])
train_rows, validation_end = math.floor(0.7 * len(series)), len(series) - math.floor(0.2 * len(series))
mean, std = series[:train_rows].mean(axis=0), series[:train_rows].std(axis=0)
scaled = (series - mean) / std
weights = {name: tensor.astype(np.float64) for name, tensor in load_file(HERE / "run_lstm.init.safetensors").items()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forecast(window):
    inputs, layer = window, 0
    while f"lstm.weight_ih_l{layer}" in weights:
        w_ih, w_hh = weights[f"lstm.weight_ih_l{layer}"], weights[f"lstm.weight_hh_l{layer}"]
        bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
        h = c = np.zeros(w_hh.shape[1])
        outputs = []
        for x in inputs:
            i, f, g, o = np.split(w_ih @ x + w_hh @ h + bias, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outputs.append(h)
        inputs, layer = np.array(outputs), layer + 1
    return weights["head.weight"] @ inputs[-1] + weights["head.bias"]


origins = range(train_rows, validation_end - HORIZON + 1)
residuals = np.array([np.abs(forecast(scaled[o - LOOKBACK : o]) - scaled[o : o + HORIZON, 0]) for o in origins])
rank = math.ceil((len(residuals) + 1) * LEVEL / 100)
half = np.sort(residuals, axis=0)[rank - 1]

with open(HERE / "forecast.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["origin", "unique_id", "date", "LSTM", f"LSTM-lo-{LEVEL}", f"LSTM-hi-{LEVEL}"])
    for origin in [40, len(series)]:
        ahead = forecast(scaled[origin - LOOKBACK : origin])
        last = datetime.date.fromisoformat(rows[origin - 1]["date"])
        for step in range(HORIZON):
            day = last + datetime.timedelta(days=step + 1)
            values = [ahead[step], ahead[step] - half[step], ahead[step] + half[step]]
            writer.writerow([origin, "y", day, *(value * std[0] + mean[0] for value in values)])
