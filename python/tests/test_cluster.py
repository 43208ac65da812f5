"""The examples for clusters, on a local one of two workers: their results are those of one process, also where a worker dies."""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import long_frame
from test_studies import comparable

import microglia as mg

FOLDER = Path(__file__).parents[2] / "examples" / "cluster"
# Studies of a second; the longer one outlives a worker.
STUDY: dict[str, Any] = {"models": ["rnn", "lstm"], "lookbacks": [12, 24], "hidden": [8], "methods": ["none"], "seeds": "1", "epochs": 2, "horizon": 3}


def example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_study_on_ray(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="needs ray")
    ray_study = example("ray_study")
    data = {"waves": long_frame()}
    whole = mg.experiment(data, out=tmp_path / "whole", device="cpu", **STUDY)
    assert whole is not None
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:

        @ray.remote(num_cpus=1, max_retries=3)
        def dies_once(out: str) -> str:
            """A shard whose worker is killed after its first cell, the first time."""
            folder, mark = Path(out) / "shard-1-of-2", Path(out) / "killed"
            if not mark.exists():

                def kill() -> None:
                    while not (folder / "results.csv").is_file() or len((folder / "results.csv").read_text().splitlines()) < 2:
                        time.sleep(0.001)
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)

                threading.Thread(target=kill, daemon=True).start()
            mg.experiment(data, out=folder, shard="1/2", device="cpu", threads=1, progress=False, **STUDY)
            return str(folder)

        out = tmp_path / "sharded"
        out.mkdir()
        ray.get(dies_once.remote(str(out)))
        assert (out / "killed").exists()
        merged = ray_study.run_study(data, out, 2, STUDY)
    finally:
        ray.shutdown()
    pd.testing.assert_frame_equal(comparable(merged), comparable(whole))


def test_a_panel_on_dask() -> None:
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
    dask_panel = example("dask_panel")
    panel = long_frame(4, 200)
    expected = dask_panel.forecast_panel(panel, dask_panel.MODEL)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, distributed.Client(cluster) as client:
        pids = client.run(os.getpid)
        killer = threading.Timer(0.5, os.kill, (next(iter(pids.values())), signal.SIGKILL))
        killer.start()
        found = dask_panel.forecast_panel(panel, dask_panel.MODEL, client)
        killer.join()
    pd.testing.assert_frame_equal(found, expected)
