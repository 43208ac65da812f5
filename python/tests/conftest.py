"""What the tests share: small data, small models, and the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import microglia as mg

# What runs the tests in the background may ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: Trains in a second.
SMALL: dict[str, Any] = {"hidden": 8, "lookback": 24, "horizon": 6, "max_steps": 30, "device": "cpu", "linear_path": "none", "instance_norm": "last"}

#: The embedded set as a file; the tests lie in the repository.
WEATHER = Path(__file__).parents[2] / "data" / "nyc_weather_2013.csv"


def long_frame(series: int = 3, rows: int = 240) -> pd.DataFrame:
    """A panel of hourly waves."""
    rng = np.random.default_rng(7)
    parts = []
    for one in range(series):
        hours = np.arange(rows)
        values = 10 * (one + 1) + np.sin(hours * 2 * np.pi / 24) + 0.1 * rng.standard_normal(rows)
        parts.append(pd.DataFrame({"unique_id": f"s{one}", "ds": pd.date_range("2024-03-01", periods=rows, freq="h"), "y": values}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def panel() -> pd.DataFrame:
    return long_frame()


@pytest.fixture(scope="session")
def fitted(panel: pd.DataFrame) -> Any:
    """An LSTM on the panel."""
    return mg.LSTM(**SMALL).fit(panel)


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The program that the wheel brings."""
    words = [sys.executable, "-m", "microglia", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, env={**os.environ, "NODEVICE_SELECT": "1"}, check=False)


def trained_hash(*arguments: object) -> str:
    """The weights' hash that the program prints for a training."""
    done = program("train", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["weights_sha256"])


def flags(options: dict[str, Any]) -> list[str]:
    """Keyword arguments as they are typed."""
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
