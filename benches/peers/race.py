"""The Python package against neuralforecast and Darts: the same panel, windows and settings, on the CPU, one after the other.

    python benches/peers/race.py --rounds 3 --threads 2
    python benches/peers/race.py --only microglia --models LSTM

Needs `pip install ./python`, and what is raced of `pip install neuralforecast darts`; a library that is absent is said to be. Each fit
runs in a process of its own, in turns; the table has medians over the rounds, and ratios to the package's. `import` is what the import
takes, `memory` the process's peak. On a shared machine only the ratios mean something.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any, Callable

LIBRARIES = ("microglia", "neuralforecast", "darts")
MODELS = ("LSTM", "RNN", "PatchTST")
FIGURES = ("import", "fit", "predict", "memory")


def panel(series: int, rows: int) -> Any:
    """Hourly waves with noise."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    hours = np.arange(rows)
    wave = np.sin(hours * 2 * np.pi / 24)
    values = [10 * (one + 1) + wave + 0.2 * rng.standard_normal(rows) for one in range(series)]
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{one}" for one in range(series)], rows),
            "ds": np.tile(pd.date_range("2024-01-01", periods=rows, freq="h"), series),
            "y": np.concatenate(values).astype("float32"),
        }
    )


def peak() -> float:
    """Most memory that this process has held, in MB."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def with_microglia(name: str, options: argparse.Namespace) -> tuple[Callable[[Any], None], Callable[[], Any]]:
    import microglia as mg

    settings: dict[str, Any] = {
        "horizon": options.horizon, "lookback": options.lookback, "max_steps": options.steps, "batch": options.batch,
        "lr": 1e-3, "patience": 0, "device": "cpu", "threads": options.threads, "regularizer": "none", "calendar": False,
    }
    if name == "PatchTST":
        settings.update(d_model=64, heads=4, layers=2, ff=128, patch=16, stride=8)
    else:
        settings.update(hidden=options.hidden, layers=1, linear_path="none", instance_norm="last")
    model = getattr(mg, name)(**settings)
    return lambda df: model.fit(df, test_size=0, val_size=options.horizon), lambda: model.predict(levels=[])


def with_neuralforecast(name: str, options: argparse.Namespace) -> tuple[Callable[[Any], None], Callable[[], Any]]:
    import torch
    from neuralforecast import NeuralForecast, models

    torch.set_num_threads(options.threads)
    settings: dict[str, Any] = {
        "h": options.horizon, "input_size": options.lookback, "max_steps": options.steps, "windows_batch_size": options.batch,
        "learning_rate": 1e-3, "scaler_type": "identity", "accelerator": "cpu", "logger": False, "enable_progress_bar": False,
        "enable_model_summary": False, "enable_checkpointing": False,
    }
    if name == "PatchTST":
        settings.update(hidden_size=64, n_heads=4, encoder_layers=2, linear_hidden_size=128, patch_len=16, stride=8)
    else:
        settings.update(encoder_hidden_size=options.hidden, encoder_n_layers=1)
    runner = NeuralForecast([getattr(models, name)(**settings)], freq="h", local_scaler_type="standard")
    return lambda df: runner.fit(df), lambda: runner.predict()


def with_darts(name: str, options: argparse.Namespace) -> tuple[Callable[[Any], None], Callable[[], Any]]:
    import torch
    from darts import TimeSeries
    from darts.dataprocessing.transformers import Scaler
    from darts.models import BlockRNNModel

    torch.set_num_threads(options.threads)
    if name == "PatchTST":
        raise SystemExit("Darts has no PatchTST")
    model = BlockRNNModel(
        options.lookback, options.horizon, model=name, hidden_dim=options.hidden, n_rnn_layers=1, batch_size=options.batch,
        n_epochs=10**6, optimizer_kwargs={"lr": 1e-3},
        pl_trainer_kwargs={"accelerator": "cpu", "max_steps": options.steps, "enable_progress_bar": False, "logger": False, "enable_model_summary": False},
    )
    scaler, scaled = Scaler(), []

    def fit(df: Any) -> None:
        series = TimeSeries.from_group_dataframe(df, "unique_id", "ds", "y")
        scaled.extend(scaler.fit_transform(series))
        model.fit(scaled)

    return fit, lambda: scaler.inverse_transform(model.predict(options.horizon, series=scaled))


def run(library: str, name: str, options: argparse.Namespace) -> dict[str, float]:
    """The figures of one fit, in this process."""
    # What every contender's frame needs is none's cost.
    df = panel(options.series, options.rows)
    began = time.perf_counter()
    __import__(library)
    if library != "microglia":
        __import__(f"{library}.models")
    figures = {"import": time.perf_counter() - began}
    fit, predict = globals()[f"with_{library}"](name, options)
    for what, work in (("fit", lambda: fit(df)), ("predict", predict)):
        began = time.perf_counter()
        work()
        figures[what] = time.perf_counter() - began
    figures["memory"] = peak()
    return figures


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default=",".join(LIBRARIES), help="libraries, joined by commas")
    parser.add_argument("--models", default=",".join(MODELS))
    for what, default in (("series", 20), ("rows", 1000), ("lookback", 56), ("horizon", 14), ("hidden", 64), ("steps", 500), ("batch", 256)):
        parser.add_argument(f"--{what}", type=int, default=default)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = parse()
    if options.run:
        library, name = options.run.split(":")
        print(json.dumps(run(library, name, options)))
        return
    libraries = [one for one in options.only.split(",") if importlib.util.find_spec(one)]
    for absent in sorted(set(options.only.split(",")) - set(libraries)):
        print(f"NOT raced: {absent} is not installed")
    from importlib.metadata import version

    print("python", sys.version.split()[0], *(f"{one} {version(one)}" for one in libraries), f"load {os.getloadavg()[0]:.1f}")
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for name in options.models.split(","):
            for library in libraries:
                words = [sys.executable, __file__, *sys.argv[1:], "--run", f"{library}:{name}"]
                done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
                if done.returncode == 0:
                    found.setdefault((name, library), []).append(json.loads(done.stdout.splitlines()[-1]))
                else:
                    print(f"{library} {name}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    print("| model | library | import s | fit s | predict s | memory MB | ours / theirs, in that order |\n|---|---|---|---|---|---|---|")
    for (name, library), rounds in found.items():
        medians = {what: statistics.median(one[what] for one in rounds) for what in FIGURES}
        ours = found.get((name, "microglia"), [])
        pairs = list(zip(ours, rounds))
        ratios = [statistics.median(own[what] / other[what] for own, other in pairs) for what in FIGURES] if pairs else []
        shown = " · ".join(f"{ratio:.2f}" for ratio in ratios) if library != "microglia" else ""
        cells = f"{medians['import']:.2f} | {medians['fit']:.2f} | {medians['predict']:.3f} | {medians['memory']:.0f}"
        print(f"| {name} | {library} | {cells} | {shown} |")


if __name__ == "__main__":
    main()
