"""Models: arguments, scikit-learn's conventions, files, callbacks, stops."""

from __future__ import annotations

import inspect
import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, long_frame, program

import microglia as mg
from microglia._errors import NotFittedError


def test_import_is_quick_and_brings_nothing() -> None:
    code = (
        "import time; t = time.process_time(); import microglia, sys; t = time.process_time() - t; "
        "print(t, [m for m in ('numpy', 'pandas', 'polars', 'pyarrow', 'sklearn', 'tqdm') if m in sys.modules])"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(3)]
    assert all(run.strip().endswith("[]") for run in runs), runs
    assert min(float(run.split()[0]) for run in runs) < 0.2, runs


def test_arguments_are_the_engines_options_and_other_libraries_names() -> None:
    model = mg.LSTM(h=6, input_size=24, learning_rate=0.01, futr_exog=["price"])
    assert repr(model) == "LSTM(horizon=6, lookback=24, lr=0.01, future_covariates=['price'])"
    assert "horizon" in inspect.signature(mg.LSTM).parameters and "model" not in inspect.signature(mg.LSTM).parameters
    assert "learning_rate" in (mg.PatchTST.__doc__ or "") and "Parameters\n----------" in (mg.PatchTST.__doc__ or "")
    with pytest.raises(mg.OptionError, match="did you mean `hidden`") as caught:
        mg.LSTM(hiden=3)
    assert caught.value.argument == "hiden"
    with pytest.raises(mg.OptionError, match="give it once"):
        mg.LSTM(h=3, horizon=4)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"lookback": 0}, "lookback"),
        ({"lookback": 24.5}, "lookback"),
        ({"lr": -1.0}, "lr"),
        ({"sparsity": (0.7, 0.3)}, "sparsity"),
        ({"calendar": "maybe"}, "calendar"),
        ({"future_covariates": object()}, "future_covariates"),
        ({"device": "no such adapter"}, None),
    ],
)
def test_a_wrong_value_names_its_argument(panel: pd.DataFrame, options: dict[str, Any], argument: str | None) -> None:
    with pytest.raises((ValueError, mg.DeviceError)) as caught:
        mg.LSTM(**{**SMALL, **options}).fit(panel)
    if argument is not None:
        assert isinstance(caught.value, mg.OptionError) and caught.value.argument == argument, caught.value
        assert f"`{argument}`" in str(caught.value)
    assert "--" not in str(caught.value)


def test_values_of_every_kind_mean_what_they_say(panel: pd.DataFrame) -> None:
    model = mg.LSTM(**{**SMALL, "lookback": np.int64(24), "lr": np.float32(0.01)}, sparsity=(0.3, 0.7), regularizer="pruning", calendar=True)
    config = model.fit(panel, split=(0.6, 0.2, 0.2)).config_
    assert (config["sparsity"], config["calendar"], config["split"], config["lookback"]) == ("0.3..0.7", "on", "0.6,0.2,0.2", 24)
    sized = mg.LSTM(**SMALL, split=(0.6, 0.2, 0.2)).fit(panel, val_size=12, test_size=12)
    assert "split" not in sized.config_ and sized.config_["val_size"] == 12


def test_scikit_learns_conventions(panel: pd.DataFrame, fitted: Any) -> None:
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError as Theirs
    from sklearn.utils.validation import check_is_fitted

    copy = clone(fitted)
    assert copy is not fitted and copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict()
    with pytest.raises(Theirs):
        copy.predict()
    with pytest.raises(Theirs):
        check_is_fitted(copy)
    check_is_fitted(fitted)
    assert copy.set_params(hidden=4).get_params()["hidden"] == 4
    assert copy.fit(panel).weights_sha256_ != fitted.weights_sha256_


def test_models_pickle_fitted_or_not(fitted: Any) -> None:
    assert repr(pickle.loads(pickle.dumps(mg.RNN(hidden=4)))) == "RNN(hidden=4)"
    copy = pickle.loads(pickle.dumps(fitted))
    assert copy.path_ != fitted.path_
    pd.testing.assert_frame_equal(copy.predict(), fitted.predict())


def test_runs_are_shared_with_the_program(tmp_path: Path, panel: pd.DataFrame, fitted: Any) -> None:
    place = tmp_path / "run"
    fitted.save(place)
    with pytest.raises(mg.OptionError, match="not empty"):
        fitted.save(place)
    fitted.save(place, overwrite=True)
    again = mg.load(place)
    assert type(again) is mg.LSTM and again.weights_sha256_ == fitted.weights_sha256_
    pd.testing.assert_frame_equal(again.predict(), fitted.predict())
    # The program reads the training frame beside the run.
    done = program("forecast", "--checkpoint", place, "--data", place / "frame.arrow")
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in done.stdout.splitlines()]
    assert rows[0][:3] == ["unique_id", "ds", "LSTM"]
    np.testing.assert_array_equal([float(row[2]) for row in rows[1:]], fitted.predict()["LSTM"].to_numpy())
    # Without it, the data must be given.
    fitted.save(tmp_path / "bare", dataset=False)
    bare = mg.load(tmp_path / "bare")
    for needs_it in (bare.predict, bare.cross_validation, bare.resume):
        with pytest.raises(mg.OptionError, match="`df`: .* not saved with it"):
            needs_it()
    np.testing.assert_array_equal(bare.predict(panel)["LSTM"].to_numpy(), fitted.predict()["LSTM"].to_numpy())
    assert program("inspect", place).returncode == 0


def test_weights_have_pytorchs_names(fitted: Any) -> None:
    weights = fitted.state_dict()
    assert weights["lstm.weight_hh_l0"].shape == (32, 8) and weights["head.weight"].shape == (6, 8)
    assert all(array.dtype == np.float32 for array in weights.values())


def test_callbacks_and_history(panel: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[dict[str, Any]] = []
    options = {**SMALL, "max_steps": None, "epochs": 4, "patience": 10}
    with caplog.at_level(logging.INFO, "microglia"):
        model = mg.LSTM(**options).fit(panel, callbacks=[seen.append])
    assert [row["epoch"] for row in seen] == [1, 2, 3, 4]
    assert [row["epoch"] for row in model.history_] == [1, 2, 3, 4]
    assert any("training on the CPU engine" in record.message for record in caplog.records)
    stopped = mg.LSTM(**options).fit(panel, callbacks=[lambda row: row["epoch"] == 2])
    assert len(stopped.history_) == 2 and stopped.summary_["status"] == "interrupted"
    # What a stop left goes on, to the same weights.
    assert stopped.resume().weights_sha256_ == model.weights_sha256_

    def fails(_: Any) -> None:
        raise RuntimeError("a callback's own")

    with pytest.raises(RuntimeError, match="a callback's own"):
        mg.LSTM(**options).fit(panel, callbacks=[fails])


def test_progress_is_a_bar_or_lines(panel: pd.DataFrame, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = mg.LSTM(**SMALL)
    model.fit(panel)
    assert capsys.readouterr().err == ""
    model.fit(panel, progress=True)
    assert "%" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    model.fit(panel, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("epoch 1: validation loss") and len(lines) == len(model.history_)


def test_a_weights_file_is_a_model_too(fitted: Any, panel: pd.DataFrame, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    model = mg.load(tmp_path / "run" / "checkpoint.safetensors")
    assert model.weights_sha256_ == fitted.weights_sha256_ and set(model.state_dict()) >= set(fitted.state_dict())
    np.testing.assert_array_equal(model.predict(panel, levels=[])["LSTM"], fitted.predict()["LSTM"])
    assert len(pickle.loads(pickle.dumps(model)).predict(panel)) == 18
    for needs_the_folder in (lambda: model.summary_, lambda: model.history_, lambda: model.save(tmp_path / "other")):
        with pytest.raises(mg.CheckpointError, match="open the whole run folder"):
            needs_the_folder()
    with pytest.raises((OSError, ValueError), match="nothing-here"):
        mg.load(tmp_path / "nothing-here")


@pytest.mark.skipif(os.name == "nt", reason="the system sends no such signal to a process")
def test_ctrl_c_stops_with_a_checkpoint(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
from conftest import SMALL, long_frame
import microglia as mg
model = mg.LSTM(**{{**SMALL, "max_steps": None, "epochs": 100000, "patience": 0}})
def interrupt(row):
    if row["epoch"] == 2:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    model.fit(long_frame(), callbacks=[interrupt], out={str(tmp_path / "run")!r})
except KeyboardInterrupt:
    print("interrupted", len(model.predict()), model.summary_["status"])
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["interrupted", "18", "interrupted"], done.stderr
    assert time.monotonic() - began < 60
    resumed = mg.load(tmp_path / "run")
    before = len(resumed.history_)
    resumed.resume(callbacks=[lambda row: row["epoch"] > before])
    assert len(resumed.history_) == before + 1


def test_two_fits_in_two_threads(panel: pd.DataFrame, fitted: Any) -> None:
    hashes: list[str] = []

    def fit() -> None:
        hashes.append(mg.LSTM(**SMALL).fit(panel).weights_sha256_)

    threads = [threading.Thread(target=fit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert hashes == [fitted.weights_sha256_] * 2


def _fit_in_child(panel: pd.DataFrame, fitted: Any, queue: Any) -> None:
    queue.put((mg.LSTM(**SMALL).fit(panel).weights_sha256_, len(fitted.predict())))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fit_in_a_forked_process(panel: pd.DataFrame, fitted: Any) -> None:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_fit_in_child, args=(panel, fitted, queue))
    child.start()
    found = queue.get(timeout=120)
    child.join(60)
    assert found == (fitted.weights_sha256_, 18)
    # The child's end took nothing from this process.
    assert fitted.path_.is_dir() and len(fitted.predict()) == 18


def test_a_fit_inside_an_event_loop(panel: pd.DataFrame, fitted: Any) -> None:
    import asyncio

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.005)

    async def both() -> str:
        ticking = asyncio.create_task(tick())
        inside = mg.LSTM(**SMALL).fit(panel).weights_sha256_
        # In a thread, the loop goes on meanwhile: the interpreter is free.
        model = await asyncio.to_thread(mg.LSTM(**SMALL).fit, panel)
        ticking.cancel()
        assert model.weights_sha256_ == inside
        return inside

    assert asyncio.run(both()) == fitted.weights_sha256_
    assert ticks > 5


@pytest.mark.skipif(os.name == "nt", reason="the system has no such signals")
def test_signals_meant_for_others_pass(panel: pd.DataFrame) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        mg.LSTM(**SMALL).fit(panel, callbacks=[lambda row: os.kill(os.getpid(), signal.SIGUSR1)])
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard


def test_future_covariates_come_from_a_plan() -> None:
    df = long_frame(2, 240)
    df["price"] = np.tile(np.cos(np.arange(240) / 5), 2)
    model = mg.LSTM(**SMALL, future_covariates=["price"], regularizer="none").fit(df)
    plan = pd.DataFrame(
        {
            "unique_id": np.repeat(["s0", "s1"], 6),
            "ds": np.tile(pd.date_range(df["ds"].max() + pd.Timedelta(hours=1), periods=6, freq="h"), 2),
            "price": 0.5,
        }
    )
    forecast = model.predict(future=plan)
    pd.testing.assert_frame_equal(forecast, model.predict(futr_df=plan))
    assert not forecast.equals(model.predict(future=plan.assign(price=-0.5)))
    with pytest.raises(ValueError, match="price"):
        model.predict()
    with pytest.raises(ValueError, match="trained without future covariates"):
        mg.LSTM(**SMALL).fit(df[["unique_id", "ds", "y"]]).predict(future=plan)


def test_cross_validation_is_ready_for_scores(panel: pd.DataFrame, fitted: Any) -> None:
    from utilsforecast.evaluation import evaluate
    from utilsforecast.losses import mae

    found = fitted.cross_validation(folds=3, step=6)
    assert list(found.columns[:4]) == ["unique_id", "ds", "cutoff", "y"]
    assert {"LSTM", "LSTM-lo-80", "RepeatLast", "SeasonalNaive", "Ridge"} <= set(found.columns)
    assert len(found) == 3 * 6 * 3 and found["cutoff"].nunique() == 3
    pd.testing.assert_frame_equal(found, fitted.cross_validation(n_windows=3, step_size=6))
    scores = evaluate(found.drop(columns="cutoff"), metrics=[mae], models=["LSTM", "Ridge"])
    own = fitted.evaluate(folds=3, step=6)
    assert own["total"][0]["mae"] == pytest.approx(scores["LSTM"].mean(), rel=1e-6)
    assert [one["of"] for one in own["by_series"]] == ["s0", "s1", "s2"]
    refitted = fitted.cross_validation(folds=2, refit=True)
    assert len(refitted) == 2 * 6 * 3


def test_other_data_is_scored_and_forecast(panel: pd.DataFrame, fitted: Any) -> None:
    later = long_frame(3, 300)
    forecast = fitted.predict(later)
    assert forecast["ds"].min() == later["ds"].max() + pd.Timedelta(hours=1)
    assert fitted.evaluate(later)["windows"] > 0
    with pytest.raises(ValueError, match="`part`"):
        fitted.evaluate(part="tset")
    wrong: list[tuple[str, Any]] = [("levels", [180]), ("levels", "a"), ("horizon", "x"), ("horizon", 100), ("ended", "never")]
    for name, value in wrong:
        with pytest.raises(mg.OptionError) as caught:
            fitted.predict(**{name: value})
        assert caught.value.argument == name and f"`{name}`" in str(caught.value)
    for name in ("folds", "step"):
        with pytest.raises(mg.OptionError, match=f"`{name}`: 0 is rejected"):
            fitted.cross_validation(**{"folds": 2, name: 0})
    assert [name for name in fitted.predict(levels=[90], alias="mine").columns] == ["unique_id", "ds", "mine", "mine-lo-90", "mine-hi-90"]
    assert len(fitted.predict(horizon=2, levels=[])) == 6


def test_notebooks_show_models(fitted: Any) -> None:
    assert "<svg" in fitted.plot()._repr_svg_()
    html = fitted._repr_html_()
    assert "<table>" in html and "<svg" in html and fitted.weights_sha256_[:16] in html
    assert mg.LSTM()._repr_html_() is None


@pytest.mark.parametrize("cls", [mg.GRU, mg.PatchTST, mg.Linear])
def test_every_model_trains(cls: Any, panel: pd.DataFrame) -> None:
    options = {name: SMALL[name] for name in ("lookback", "horizon", "max_steps", "device")}
    model = cls(**options).fit(panel)
    assert cls.__name__ in ("Linear", model.predict().columns[2])
    assert mg.Linear(**options, model="ridge").fit(panel).predict().columns[2] == "Ridge"
    with pytest.raises(mg.OptionError, match="`model`"):
        mg.Linear(model="lstm").fit(panel)
