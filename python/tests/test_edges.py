"""Types and values at the edges of frames, and calls that are wrong."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import SMALL, long_frame

import microglia as mg


@pytest.mark.parametrize("zone", ["UTC+01:00", "+05:30", "-03:30", "pytz", "dateutil", "dateutil, fixed", "local"])
def test_fixed_offsets_are_zones(zone: str) -> None:
    from dateutil import tz

    zones: dict[str, Any] = {
        "UTC+01:00": dt.timezone(dt.timedelta(hours=1)),
        "dateutil": tz.gettz("Europe/Berlin"),
        "dateutil, fixed": tz.tzoffset("there", 7200),
        "pytz": "Europe/Berlin",
        "local": tz.tzlocal(),
    }
    df = long_frame(1, 240)
    df["ds"] = df["ds"].dt.tz_localize("UTC").dt.tz_convert(zones.get(zone, zone))
    model = mg.LSTM(**SMALL).fit(df)
    first = model.predict()["ds"].iloc[0]
    assert first == df["ds"].iloc[-1] + pd.Timedelta(hours=1)
    assert first.utcoffset() == df["ds"].iloc[-1].utcoffset()


def test_multiples_of_a_unit_are_dated_right(panel: pd.DataFrame, fitted: Any) -> None:
    for unit in ("M8[10s]", "M8[5m]", "M8[500ms]", "M8[h]"):
        data = {name: panel[name].to_numpy() for name in panel}
        data["ds"] = data["ds"].astype(unit)
        model = mg.LSTM(**SMALL).fit(data)
        assert model.weights_sha256_ == fitted.weights_sha256_
        assert model.predict()["ds"].tolist() == fitted.predict()["ds"].to_numpy().astype("M8[s]").tolist() or unit == "M8[500ms]"
        assert (model.predict()["ds"] == fitted.predict()["ds"].to_numpy()).all()


def test_masked_values_are_missing(panel: pd.DataFrame) -> None:
    options = {**SMALL, "impute": "ffill"}
    mask = np.zeros(len(panel), bool)
    mask[[5, 50, 300]] = True
    data = {name: panel[name].to_numpy() for name in panel}
    masked = {**data, "y": np.ma.masked_array(np.where(mask, 1e9, data["y"]), mask)}
    holes = {**data, "y": np.where(mask, np.nan, data["y"])}
    assert mg.LSTM(**options).fit(masked).weights_sha256_ == mg.LSTM(**options).fit(holes).weights_sha256_
    timed = {**data, "ds": np.ma.masked_array(data["ds"], mask)}
    with pytest.raises(mg.DataError) as caught:
        mg.LSTM(**options).fit(timed)
    assert (caught.value.row, caught.value.column) == (5, "ds")
    named = {**data, "unique_id": np.ma.masked_array(data["unique_id"].astype(object), mask)}
    with pytest.raises(mg.DataError) as caught:
        mg.LSTM(**options).fit(named)
    assert (caught.value.row, caught.value.column) == (5, "unique_id")


IDS: dict[str, Any] = {
    "floats": [0.5, 1.5, 2.5],
    "single floats": np.array([0.5, 1.5, 2.5], "float32"),
    "truths": [True, False],
    "categories": pd.Categorical(["b", "a", "c"], categories=["c", "b", "a", "unused"], ordered=True),
    "numbers as categories": pd.Categorical([7, 3, 5]),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_keep_their_type(kind: str) -> None:
    ids = pd.Series(IDS[kind])
    df = long_frame(len(ids))
    df["unique_id"] = ids.take(np.repeat(np.arange(len(ids)), 240)).reset_index(drop=True)
    forecast = mg.LSTM(**SMALL).fit(df).predict()
    assert forecast["unique_id"].dtype == df["unique_id"].dtype
    assert forecast["unique_id"].drop_duplicates().tolist() == ids.tolist()
    assert len(df[["unique_id"]].drop_duplicates().merge(forecast, on="unique_id")) == len(forecast)


@pytest.mark.parametrize("freq", ["M", "D", "W", "Q", "Y", "h"])
def test_periods_stay_periods(freq: str) -> None:
    rows = 200
    df = pd.DataFrame({"ds": pd.period_range("1980-01-01", periods=rows, freq=freq), "y": np.sin(np.arange(rows) / 2)})
    model = mg.LSTM(**SMALL).fit(df)
    forecast = model.predict()
    assert forecast["ds"].dtype == df["ds"].dtype
    assert forecast["ds"].tolist() == [df["ds"].iloc[-1] + step for step in range(1, 7)]
    tested = model.cross_validation(folds=1)
    assert tested["cutoff"].dtype == df["ds"].dtype and tested["ds"].iloc[0] == tested["cutoff"].iloc[0] + 1


def test_dates_stay_dates() -> None:
    df = long_frame(1, 240)
    df["ds"] = pd.date_range("2024-01-01", periods=240).date
    assert mg.LSTM(**SMALL).fit(df).predict()["ds"].iloc[0] == dt.date(2024, 8, 28)


def test_what_is_not_read_rejects_no_frame(panel: pd.DataFrame, fitted: Any) -> None:
    rows = len(panel)
    unread: dict[str, Any] = {
        "lasts": np.full(rows, np.timedelta64(3, "h")),
        "complex": np.ones(rows, complex),
        "bytes": np.full(rows, b"\xff\xfe", object),
        "void": np.zeros(rows, [("a", int), ("b", float)]),
    }
    frames: list[Any] = [panel.assign(**{name: list(values) if name == "void" else values for name, values in unread.items()})]
    frames.append({**{name: panel[name].to_numpy() for name in panel}, **unread})
    wide = pl.from_pandas(panel).with_columns(
        pl.lit(None).alias("nothing"),
        pl.lit(1).cast(pl.Int128).alias("large"),
        pl.lit(dt.timedelta(hours=1)).alias("lasts"),
        pl.lit(b"\xff").alias("bytes"),
        pl.Series("objects", [object()] * rows, dtype=pl.Object),
    )
    frames += [wide, wide.lazy(), pa.Table.from_pandas(panel, preserve_index=False).append_column("nothing", pa.nulls(rows))]
    for frame in frames:
        model = mg.LSTM(**SMALL).fit(frame)
        assert model.weights_sha256_ == fitted.weights_sha256_
    for name in unread:
        with pytest.raises(mg.DataError) as caught:
            mg.LSTM(**SMALL).fit(frames[1], target=name)
        assert name in str(caught.value)
    with pytest.raises(mg.DataError, match="nothing"):
        mg.LSTM(**SMALL).fit(wide, target="nothing")


def test_frames_without_rows_or_columns(panel: pd.DataFrame, fitted: Any) -> None:
    for nothing in (pd.DataFrame(), {}, pl.DataFrame(), pa.table({})):
        with pytest.raises(mg.DataError, match="no columns|no rows"):
            mg.LSTM(**SMALL).fit(nothing)
    priced = panel.assign(price=np.tile(np.cos(np.arange(240) / 5), 3))
    model = mg.LSTM(**SMALL, future_covariates=["price"]).fit(priced)
    with pytest.raises(mg.DataError, match="no columns|no rows"):
        model.predict(future=pd.DataFrame())


def test_arguments_that_a_call_does_not_take(fitted: Any) -> None:
    calls: list[tuple[Any, dict[str, Any], str]] = [
        (fitted.predict, {"hidden": 64}, "hidden"),
        (fitted.predict, {"lr": 5}, "lr"),
        (fitted.predict, {"out": "there"}, "out"),
        (fitted.plot, {"epochs": 5}, "epochs"),
        (fitted.cross_validation, {"lookback": 5}, "lookback"),
        (fitted.evaluate, {"seed": 5}, "seed"),
    ]
    for call, options, name in calls:
        with pytest.raises(mg.OptionError, match="unknown argument") as caught:
            call(**options)
        assert caught.value.argument == name
    twice: list[tuple[Any, dict[str, Any], str]] = [
        (fitted.predict, {"h": 1, "horizon": 2}, "horizon"),
        (fitted.predict, {"level": [80], "levels": [90]}, "levels"),
        (fitted.cross_validation, {"n_windows": 1, "folds": 2}, "folds"),
        (fitted.evaluate, {"step_size": 1, "step": 2}, "step"),
    ]
    for call, options, name in twice:
        with pytest.raises(mg.OptionError, match="give it once") as caught:
            call(**options)
        assert caught.value.argument == name


def test_other_libraries_names_in_calls(fitted: Any) -> None:
    assert fitted.evaluate(n_windows=2, step_size=3, level=[80]) == fitted.evaluate(folds=2, step=3, levels=[80])
    assert len(fitted.predict(h=2, level=[])) == 6
    model = mg.LSTM(
        input_chunk_length=24, output_chunk_length=6, n_epochs=3, hidden_dim=8, random_seed=5, windows_batch_size=16,
        encoder_n_layers=2, hist_exog_list=["a"], futr_exog_list=["b"], stat_exog_list=["c"],
    )
    own = dict(lookback=24, horizon=6, epochs=3, hidden=8, seed=5, batch=16, layers=2)
    own.update(covariates=["a"], future_covariates=["b"], static_covariates=["c"])
    assert {name: value for name, value in model.get_params().items() if value is not None} == own
    assert mg.GRU(encoder_hidden_size=4).get_params()["hidden"] == 4


def test_numbers_that_are_wrong(panel: pd.DataFrame) -> None:
    for steps in (0, -1):
        with pytest.raises(mg.OptionError, match="`steps`"):
            mg.profile(mg.LSTM(**SMALL), panel, steps=steps)
    with pytest.raises(mg.OptionError, match="`shard`"):
        mg.experiment(panel, out="never", shard=(1, 2))  # type: ignore[arg-type]
    with pytest.raises(mg.OptionError) as caught:
        mg.LSTM(**SMALL).fit(panel, val_size=10**5)
    assert caught.value.argument == "val_size", caught.value


def test_a_backtest_says_how_many_test_rows_it_needs(panel: pd.DataFrame) -> None:
    model = mg.LSTM(**SMALL).fit(panel, val_size=28)
    with pytest.raises(mg.OptionError, match="test_size=30"):
        model.cross_validation(folds=3, step=12)
    model.fit(panel, val_size=28, test_size=30)
    assert len(model.cross_validation(folds=3, step=12)) == 3 * 6 * 3


@pytest.mark.skipif(os.name == "nt", reason="the system sends no such signal to a process")
def test_ctrl_c_stops_a_profile(panel: pd.DataFrame) -> None:
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        mg.profile(mg.LSTM(**SMALL), panel, steps=10**6)
    assert time.monotonic() - began < 20
