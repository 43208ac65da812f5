"""A model for each series of a panel, on a Dask cluster. Needs dask.distributed and pandas, and microglia on every worker.

    python dask_panel.py panel.parquet --address tcp://scheduler:8786

Fits are independent and deterministic, so where they run changes no number. Dask runs a fit whose worker died on another one.
One model for the whole panel (`mg.LSTM(…).fit(panel)`) is often more accurate, and needs no cluster.
"""

from __future__ import annotations

import argparse
from typing import Any, Optional

import pandas as pd
from distributed import Client

import microglia as mg

MODEL: dict[str, Any] = {"horizon": 6, "lookback": 24, "hidden": 8, "max_steps": 50, "device": "cpu", "threads": 1}


def fit_and_predict(series: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """The forecast of one series by a model of its own."""
    forecast: pd.DataFrame = mg.LSTM(**options).fit(series, progress=False).predict()
    return forecast


def forecast_panel(panel: pd.DataFrame, options: dict[str, Any], client: Optional[Client] = None) -> pd.DataFrame:
    """The forecasts of all series, in the order of their ids; in this process without a client."""
    parts = [series for _, series in panel.groupby("unique_id", observed=True)]
    if client is None:
        return pd.concat([fit_and_predict(series, options) for series in parts], ignore_index=True)
    # Nothing is taken from an earlier call.
    futures = client.map(fit_and_predict, parts, options=options, retries=3, pure=False)
    return pd.concat([future.result() for future in futures], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel", help="a Parquet file with unique_id, ds, y")
    parser.add_argument("--address", help="of the scheduler; else a local cluster")
    asked = parser.parse_args()
    with Client(asked.address) as client:
        print(forecast_panel(pd.read_parquet(asked.panel), MODEL, client))


if __name__ == "__main__":
    main()
