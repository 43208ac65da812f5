"""Python's weights are the program's: by their hash, for the same data and options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from conftest import SMALL, WEATHER, flags, trained_hash

import microglia as mg

OPTIONS = {**SMALL, "max_steps": 40, "regularizer": "pruning", "prune_every": 5}



def test_the_embedded_set(tmp_path: Path) -> None:
    expected = trained_hash(*flags(OPTIONS), "--out", tmp_path / "run")
    assert mg.LSTM(**OPTIONS).fit().weights_sha256_ == expected
    assert mg.load(tmp_path / "run").weights_sha256_ == expected


@pytest.mark.parametrize("model", ["RNN", "LSTM", "PatchTST"])
def test_the_embedded_sets_file_in_frames(model: str, tmp_path: Path) -> None:
    options = {"lookback": 24, "horizon": 6, "max_steps": 20, "device": "cpu", "id_column": "origin", "target": "temp", "impute": "ffill"}
    # The first weeks of each airport, with a missing value.
    read = pd.read_csv(WEATHER).groupby("origin", sort=False).head(800).reset_index(drop=True)
    read.loc[[30, 900], "temp"] = None
    file = tmp_path / "weather.csv"
    read.to_csv(file, index=False)
    expected = trained_hash("--data", file, "--model", model.lower(), *flags(options), "--out", tmp_path / "run")
    cls = getattr(mg, model)
    assert cls(**options).fit(file).weights_sha256_ == expected
    assert cls(**options).fit(read).weights_sha256_ == expected
    typed = read.assign(time_hour=pd.to_datetime(read["time_hour"])).astype({"origin": "category"})
    assert cls(**options).fit(typed).weights_sha256_ == expected
    assert cls(**options).fit(pl.from_pandas(typed)).weights_sha256_ == expected
    assert cls(**options).fit(typed.convert_dtypes()).weights_sha256_ == expected


#: The data sets of the pruning paper, which are not part of this repository: the folder MICROGLIA_DATA holds them.
PAPERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "air": (
        "AirQualityUCI.csv",
        {"time_column": "Date+Time", "target": "CO(GT)", "missing_values": "-200", "impute": "ffill"},
        {"sep": ";", "decimal": ","},
    ),
    "bitcoin": ("bitcoin.csv", {"target": "close"}, {}),
    "energy": ("energydata_complete.csv", {"target": "Appliances"}, {}),
    "pm25": (
        "PRSA_data_2010.1.1-2014.12.31.csv",
        {"time_column": "year+month+day+hour", "target": "pm2.5", "impute": "ffill"},
        {},
    ),
}


@pytest.mark.skipif("MICROGLIA_DATA" not in os.environ, reason="MICROGLIA_DATA names no folder of data sets")
@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_sets(name: str, tmp_path: Path) -> None:
    file, own, how = PAPERS[name]
    found = sorted(Path(os.environ["MICROGLIA_DATA"]).rglob(file))
    assert found, f"{file} is not in MICROGLIA_DATA"
    options = {**OPTIONS, **own, "calendar": "off"}
    expected = trained_hash("--data", found[0], *flags(options), "--out", tmp_path / "run")
    assert mg.LSTM(**options).fit(found[0]).weights_sha256_ == expected
    read = pd.read_csv(found[0], **how)
    if name == "air":
        # Lines of separators alone are no rows.
        read = read.dropna(how="all").loc[:, lambda df: ~df.columns.str.startswith("Unnamed")]
    assert mg.LSTM(**options).fit(read).weights_sha256_ == expected
    assert mg.LSTM(**options).fit(pl.from_pandas(read.convert_dtypes())).weights_sha256_ == expected
