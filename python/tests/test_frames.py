"""The same rows in any kind of frame give the same weights, and results of the same kind."""

from __future__ import annotations

import datetime as dt
from typing import Any, Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import SMALL, long_frame

import microglia as mg


def numpy_columns(df: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: df[name].to_numpy() for name in df.columns}


class Capsule:
    """A frame of a library that nobody knows."""

    def __init__(self, df: pd.DataFrame) -> None:
        self._table = pa.Table.from_pandas(df, preserve_index=False)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


FRAMES: dict[str, Callable[[pd.DataFrame], Any]] = {
    # Series stay in the order in which they first appear.
    "pandas, unsorted": lambda df: df.sample(frac=1, random_state=3).sort_values("unique_id", kind="stable"),
    "pandas, indexed": lambda df: df.set_index("unique_id"),
    "pandas, category": lambda df: df.astype({"unique_id": "category"}),
    "pandas, nullable": lambda df: df.astype({"unique_id": "string", "y": "Float64"}),
    "pandas, pyarrow's types": lambda df: df.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, texts of times": lambda df: df.assign(ds=df["ds"].dt.strftime("%Y-%m-%d %H:%M:%S")),
    "pandas, seconds": lambda df: df.astype({"ds": "datetime64[s]"}),
    "pandas, objects": lambda df: df.astype({"ds": object}),
    "polars": pl.from_pandas,
    "polars, lazy": lambda df: pl.from_pandas(df).lazy(),
    "polars, categorical": lambda df: pl.from_pandas(df).with_columns(pl.col("unique_id").cast(pl.Categorical)),
    "polars, chunks": lambda df: pl.concat([pl.from_pandas(df[:100]), pl.from_pandas(df[100:])], rechunk=False),
    "pyarrow": lambda df: pa.Table.from_pandas(df, preserve_index=False),
    "pyarrow, dictionary": lambda df: pa.Table.from_pandas(df.astype({"unique_id": "category"}), preserve_index=False),
    "numpy": numpy_columns,
    "numpy, strided and swapped": lambda df: {**numpy_columns(df), "y": np.repeat(df["y"].to_numpy(), 2)[::2].astype(">f8")},
    "a capsule": Capsule,
}


@pytest.mark.parametrize("kind", FRAMES)
def test_any_frame_gives_the_same_weights_and_its_own_kind(kind: str, panel: pd.DataFrame, fitted: Any) -> None:
    data = FRAMES[kind](panel)
    model = mg.LSTM(**SMALL).fit(data)
    assert model.weights_sha256_ == fitted.weights_sha256_
    forecast = model.predict()
    if kind == "a capsule":
        forecast = pa.table(forecast)
    else:
        assert type(forecast) is type(data), kind
    expected = fitted.predict()
    names = list(expected.columns)
    if isinstance(forecast, pl.LazyFrame):
        forecast = forecast.collect()
    if isinstance(forecast, dict):
        got = pd.DataFrame(forecast)
    elif isinstance(forecast, pd.DataFrame):
        got = forecast
    else:
        got = forecast.to_pandas()
    assert list(got.columns) == names == ["unique_id", "ds", "LSTM", "LSTM-lo-95", "LSTM-lo-80", "LSTM-hi-80", "LSTM-hi-95"]
    assert len(got) == 18
    assert got["unique_id"].astype(str).tolist() == expected["unique_id"].tolist()
    assert pd.to_datetime(got["ds"]).tolist() == expected["ds"].tolist()
    np.testing.assert_array_equal(got["LSTM"].to_numpy(float), expected["LSTM"].to_numpy())


def test_forecasts_join_the_data_by_their_types(panel: pd.DataFrame) -> None:
    forecast = mg.LSTM(**SMALL).fit(pl.from_pandas(panel)).predict()
    assert forecast.schema["ds"] == pl.from_pandas(panel).schema["ds"] and forecast.schema["unique_id"] == pl.String
    numbered = panel.assign(unique_id=panel["unique_id"].str[1:].astype("int32"))
    assert mg.LSTM(**SMALL).fit(numbered).predict()["unique_id"].dtype == "int32"
    counted = panel.assign(ds=np.tile(np.arange(240), 3))
    forecast = mg.LSTM(**SMALL).fit(counted).predict()
    assert forecast["ds"].dtype == "int64" and forecast["ds"].tolist()[:6] == list(range(240, 246))
    days = panel.assign(ds=np.tile(pd.date_range("2024-01-01", periods=240).date, 3))
    table = mg.LSTM(**SMALL).fit(pa.Table.from_pandas(days, preserve_index=False)).predict()
    assert table.schema.field("ds").type == pa.date32() and table["ds"][0].as_py() == dt.date(2024, 8, 28)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_time_zones_stay(zone: str) -> None:
    df = long_frame(1, 240)
    df["ds"] = df["ds"].dt.tz_localize("UTC").dt.tz_convert(zone)
    model = mg.LSTM(**SMALL).fit(df)
    forecast = model.predict()
    assert forecast["ds"].dtype == df["ds"].dtype
    assert forecast["ds"].iloc[0] == df["ds"].iloc[-1] + pd.Timedelta(hours=1)
    other = mg.LSTM(**SMALL).fit(pl.from_pandas(df))
    assert other.weights_sha256_ == model.weights_sha256_
    assert other.predict().schema["ds"] == pl.from_pandas(df).schema["ds"]


def test_periods_are_read() -> None:
    rows = 200
    df = pd.DataFrame({"ds": pd.period_range("2000-01", periods=rows, freq="M"), "y": np.sin(np.arange(rows) / 2)})
    model = mg.LSTM(**SMALL).fit(df)
    assert pd.PeriodIndex(model.predict()["ds"], freq="M")[0] == df["ds"].iloc[-1] + 1


def test_missing_values_of_every_kind(panel: pd.DataFrame) -> None:
    options = {**SMALL, "impute": "ffill"}
    holes = panel.copy()
    holes.loc[[5, 50, 300], "y"] = np.nan
    hash_ = mg.LSTM(**options).fit(holes).weights_sha256_
    assert mg.LSTM(**options).fit(holes.astype({"y": "Float64"})).weights_sha256_ == hash_
    assert mg.LSTM(**options).fit(pl.from_pandas(holes)).weights_sha256_ == hash_
    assert mg.LSTM(**options).fit(pl.from_pandas(holes).with_columns(pl.col("y").fill_null(float("nan")))).weights_sha256_ == hash_
    whole = panel.assign(y=(panel["y"] * 100).round().astype(int))
    whole_holes = whole.astype({"y": "Int64"})
    whole_holes.loc[[5, 50], "y"] = pd.NA
    as_floats = whole.astype({"y": float})
    as_floats.loc[[5, 50], "y"] = np.nan
    assert mg.LSTM(**options).fit(whole_holes).weights_sha256_ == mg.LSTM(**options).fit(as_floats).weights_sha256_


def test_wide_frames_and_one_series_without_an_id(panel: pd.DataFrame) -> None:
    wide = panel.pivot(index="ds", columns="unique_id", values="y").reset_index()
    forecast = mg.LSTM(**SMALL, target=["s0", "s2"]).fit(wide).predict()
    assert sorted(set(forecast["unique_id"])) == ["s0", "s2"] and len(forecast) == 12
    lone = panel[panel["unique_id"] == "s1"][["ds", "y"]]
    assert len(mg.RNN(**SMALL).fit(lone).predict()) == 6
    indexed = lone.set_index("ds")
    assert mg.RNN(**SMALL).fit(indexed).weights_sha256_ == mg.RNN(**SMALL).fit(lone).weights_sha256_


def test_what_is_no_frame_is_named(panel: pd.DataFrame) -> None:
    model = mg.LSTM(**SMALL)
    with pytest.raises(mg.OptionError, match="`df`: an int is no data frame"):
        model.fit(3)
    with pytest.raises(mg.OptionError, match="`df`: an Arrow stream that cannot be read"):
        model.fit(pa.chunked_array([[1, 2]]))
    with pytest.raises(mg.OptionError, match="different lengths"):
        model.fit({"ds": np.arange(5), "y": np.arange(6.0)})
    with pytest.raises(mg.OptionError, match="2 dimensions"):
        model.fit({"ds": np.arange(5), "y": np.ones((5, 2))})
    with pytest.raises(mg.DataError, match="column `y`: the column holds structs"):
        model.fit({"ds": np.arange(5), "y": np.ones(5, complex)})
    with pytest.raises(mg.OptionError, match="several columns"):
        model.fit(pd.concat([panel, panel[["y"]]], axis=1))
    with pytest.raises(ValueError, match="no rows"):
        model.fit(panel[:0])


def test_a_wrong_cell_is_named_by_row_and_column(panel: pd.DataFrame) -> None:
    bad = panel.astype({"y": object})
    bad.loc[7, "y"] = "a lot"
    with pytest.raises(mg.DataError) as caught:
        mg.LSTM(**SMALL).fit(bad)
    error = caught.value
    assert (error.frame, error.row, error.column, error.value) == ("df", 7, "y", "a lot")
    assert "df, row 8, column `y`" in str(error) and bad.iloc[error.row]["y"] == "a lot"
    doubled = pd.concat([panel, panel.iloc[[10]]])
    with pytest.raises(mg.DataError) as caught:
        mg.LSTM(**SMALL).fit(pl.from_pandas(doubled))
    assert caught.value.row is not None
