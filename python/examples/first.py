"""The embedded weather set: train, forecast, score, in ten lines. `python first.py` writes first.svg."""

from __future__ import annotations

import microglia as mg

model = mg.LSTM(horizon=6, lookback=48, hidden=16, max_steps=300, regularizer="pruning", sparsity=(0.3, 0.7))
model.fit(callbacks=[lambda epoch: print(epoch["epoch"], epoch["replicas"][0]["validation_loss"])])
print(model.predict())
print({score["model"]: round(score["mae"], 3) for score in model.evaluate()["total"]})
model.plot().save("first.svg")
