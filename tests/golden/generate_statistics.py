#!/usr/bin/env python3
"""Writes statistics.json: what SciPy, scikit-posthocs and utilsforecast compute for fixed tables.

    pip install scipy scikit-posthocs utilsforecast
    python3 tests/golden/generate_statistics.py
"""

import json
import pathlib
from importlib.metadata import version

import numpy as np
import pandas as pd
import scikit_posthocs
from scipy import stats
from statsmodels.stats.multitest import multipletests
from utilsforecast.losses import mase

HERE = pathlib.Path(__file__).resolve().parent


def blocks(rows: int, columns: int, seed: int, ties: bool) -> np.ndarray:
    table = np.random.default_rng(seed).normal(size=(rows, columns)) + np.arange(columns) * 0.3
    return np.round(table, 0 if ties else 6)


def friedman(table: np.ndarray) -> dict:
    n, k = table.shape
    found = stats.friedmanchisquare(*table.T)
    f = (n - 1) * found.statistic / (n * (k - 1) - found.statistic)
    return {
        "table": table.tolist(),
        "chi2": found.statistic,
        "p": found.pvalue,
        "iman_davenport": f,
        "iman_davenport_p": stats.f.sf(f, k - 1, (k - 1) * (n - 1)),
        "ranks": stats.rankdata(table, axis=1).mean(axis=0).tolist(),
        "nemenyi_p": scikit_posthocs.posthoc_nemenyi_friedman(table).to_numpy().tolist(),
        "critical_difference": stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)),
    }


def wilcoxon(differences: np.ndarray) -> dict:
    found = stats.wilcoxon(differences)
    ranks = stats.rankdata(np.abs(differences[differences != 0]))
    signs = np.sign(differences[differences != 0])
    return {
        "differences": differences.tolist(),
        "statistic": found.statistic,
        "p": found.pvalue,
        "rank_biserial": float((ranks * signs).sum() / ranks.sum()),
    }


def interval(values: np.ndarray) -> dict:
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return {"values": values.tolist(), "low": low, "high": high, "p": stats.ttest_1samp(values, 0).pvalue}


def holm(p: np.ndarray) -> dict:
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1)
    assert np.allclose(adjusted, multipletests(p, method="holm")[1])
    return {"p": p.tolist(), "adjusted": adjusted.tolist()}


def mase_case(seed: int, season: int) -> dict:
    rng = np.random.default_rng(seed)
    train, actual = rng.normal(size=40).cumsum(), rng.normal(size=12)
    forecast = actual + rng.normal(size=12) * 0.5
    frame = pd.DataFrame({"unique_id": "a", "ds": range(12), "y": actual, "model": forecast})
    history = pd.DataFrame({"unique_id": "a", "ds": range(-40, 0), "y": train})
    value = mase(frame, models=["model"], seasonality=season, train_df=history)["model"].iloc[0]
    return {
        "train": train.tolist(), "actual": actual.tolist(), "forecast": forecast.tolist(),
        "season": season, "mase": float(value),
    }


def main() -> None:
    normal = np.random.default_rng(7).normal
    tied = np.array([1.0, -1.0, 2.0, 2.0, -3.0, 4.0, 4.0, 5.0, 0.0, 6.0, 7.0, -2.0])
    result = {
        "made_with": {name: version(name) for name in ["scipy", "scikit-posthocs", "utilsforecast"]},
        "friedman": [
            friedman(blocks(n, k, seed, ties))
            for n, k, seed, ties in [(4, 4, 1, False), (12, 4, 2, False), (10, 3, 3, True), (24, 6, 4, False), (7, 2 + 1, 5, True), (30, 10, 6, False)]
        ],
        "wilcoxon": [wilcoxon(np.round(normal(size=n) + 0.4, 6)) for n in [3, 5, 6, 10, 25, 49, 50, 51, 80]]
        + [wilcoxon(tied), wilcoxon(np.array([1.0, 2.0, 2.0, -4.0, 5.0, 6.0, 7.0]))],
        "interval": [interval(normal(size=n) + 0.2) for n in [2, 5, 10, 30]],
        "holm": [holm(np.array(p)) for p in [[0.01, 0.04, 0.03], [0.5], [0.02, 0.02, 0.9, 0.001, 0.04]]],
        "mase": [mase_case(1, 1), mase_case(2, 7)],
        "studentized_range_0.95": {str(k): stats.studentized_range.ppf(0.95, k, np.inf) for k in range(2, 21)},
    }
    (HERE / "statistics.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
