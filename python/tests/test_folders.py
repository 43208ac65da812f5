"""Run folders: what is kept, replaced and found again."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

import microglia as mg


def test_save_replaces_a_run_and_nothing_else(fitted: Any, tmp_path: Path) -> None:
    def rejected(place: Path, words: str) -> None:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(mg.OptionError, match=words) as caught:
            fitted.save(place, overwrite=True)
        assert caught.value.argument == "path" and sorted(tmp_path.rglob("*")) == before

    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    rejected(mine, "notes.txt")
    rejected(mine / "notes.txt", "is a file")
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "config.toml").write_text("")
    rejected(settings, "holds no run")
    kept = mg.LSTM(**{**SMALL, "keep_checkpoints": 2, "checkpoint_every": 10, "replicas": 2}).fit(out=tmp_path / "kept")
    assert (kept.path_ / "checkpoints").is_dir() and (kept.path_ / "replica-0").is_dir()
    fitted.save(kept.path_, overwrite=True)
    run = tmp_path / "run"
    fitted.save(run)
    fitted.save(run, overwrite=True)
    (run / "notes.txt").write_text("mine")
    rejected(run, "notes.txt")
    (run / "notes.txt").unlink()
    (run / "replica-1" / "deep").mkdir(parents=True)
    rejected(run, "deep")


def test_save_takes_no_folder_around_or_inside_the_own_run(panel: pd.DataFrame, tmp_path: Path) -> None:
    model = mg.LSTM(**SMALL).fit(panel, out=tmp_path / "outer" / "run")
    for place in (tmp_path / "outer", tmp_path / "outer" / "run" / "inner"):
        with pytest.raises(mg.OptionError, match="lie one in the other"):
            model.save(place, overwrite=True)
    assert len(model.predict()) == 18


def test_a_weights_file_pickles_and_says_why_it_is_not_saved(fitted: Any, panel: pd.DataFrame, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    model = mg.load(tmp_path / "run" / "model.safetensors")
    copy = pickle.loads(pickle.dumps(model))
    assert copy.weights_sha256_ == model.weights_sha256_ and copy.path_.name == "model.safetensors"
    np.testing.assert_array_equal(copy.predict(panel, levels=[])["LSTM"], fitted.predict()["LSTM"])
    with pytest.raises(mg.CheckpointError, match="a weights file has no model.safetensors\n  help: open the whole run folder"):
        model.save(tmp_path / "other")


def test_a_reused_folder_keeps_no_frame_of_an_earlier_run(panel: pd.DataFrame, tmp_path: Path) -> None:
    place = tmp_path / "run"
    mg.LSTM(**SMALL).fit(panel, out=place)
    assert (place / "frame.arrow").is_file()
    embedded = mg.LSTM(**SMALL).fit(out=place, overwrite=True)
    assert not (place / "frame.arrow").exists()
    pd.testing.assert_frame_equal(mg.load(place).predict(), embedded.predict())


def test_a_fit_that_was_rejected_adopts_no_earlier_run(panel: pd.DataFrame, tmp_path: Path) -> None:
    place = tmp_path / "run"
    mg.LSTM(**SMALL).fit(panel, out=place)
    frame = (place / "frame.arrow").read_bytes()
    other = mg.LSTM(**SMALL)
    with pytest.raises(mg.OptionError, match="holds a run already"):
        other.fit(panel[:480], out=place)
    assert (place / "frame.arrow").read_bytes() == frame
    with pytest.raises(mg.NotFittedError):
        other.predict()


def test_runs_are_found_from_another_folder(panel: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    model = mg.LSTM(**SMALL).fit(panel, out="run")
    loaded = mg.load("run")
    monkeypatch.chdir(tmp_path / "a")
    pd.testing.assert_frame_equal(loaded.predict(), model.predict())


def test_what_a_callback_returns_is_a_truth(panel: pd.DataFrame) -> None:
    options = {**SMALL, "max_steps": None, "epochs": 3, "patience": 10}
    for stop, epochs in ((np.True_, 1), (np.False_, 3), (1, 1), (None, 3)):
        assert len(mg.LSTM(**options).fit(panel, callbacks=[lambda row, stop=stop: stop]).history_) == epochs
