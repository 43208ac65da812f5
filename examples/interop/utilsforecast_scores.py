"""Scores `microglia evaluate --predictions` with Nixtla's utilsforecast, and compares.

    microglia evaluate --checkpoint RUN --predictions windows.csv --json > scores.json
    python utilsforecast_scores.py windows.csv scores.json

Needs pandas and utilsforecast. Exits with 1 where a score differs by more than 1e-9 of its size.
"""

import json
import sys

import pandas as pd
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import coverage, mae, mape, mse, rmse, smape

predictions, scores = pd.read_csv(sys.argv[1]), json.load(open(sys.argv[2]))
id_col, time_col = predictions.columns[:2]
models = [name for name in predictions.columns[4:] if "-lo-" not in name and "-hi-" not in name]
levels = scores["levels"]

# Windows overlap; without the cutoff, every forecast of a series counts once.
frame = predictions.drop(columns="cutoff")
metrics = [mae, mse, rmse, mape, smape]
table = evaluate(frame, metrics=metrics, models=models, id_col=id_col, time_col=time_col)
for level in levels:
    held = coverage(frame, models=models[:1], level=f"{level:g}", id_col=id_col)
    table = pd.concat([table, held.assign(metric=f"coverage-{level:g}")])
print(table.to_string(index=False))

worst = 0.0
for series in scores["by_series"]:
    for model, ours in zip(models, series["scores"]):
        named = {metric.__name__: ours[metric.__name__] for metric in metrics}
        named |= {f"coverage-{level:g}": share for level, share in zip(levels, ours["coverage"])}
        for metric, own in named.items():
            row = table[(table[id_col].astype(str) == series["of"]) & (table["metric"] == metric)]
            theirs = float(row[model].iloc[0])
            worst = max(worst, abs(own - theirs) / max(abs(theirs), 1e-12))
print(f"largest relative difference: {worst:.1e}")
sys.exit(worst > 1e-9)
