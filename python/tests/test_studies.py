"""Studies, searches, and the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import SMALL, program

import microglia as mg

GRID: dict[str, Any] = {"models": ["rnn"], "lookbacks": [12], "hidden": [8], "methods": ["none", "pruning"], "seeds": "1..2", "epochs": 2, "horizon": 3}


def comparable(study: mg.Study) -> pd.DataFrame:
    """A study's rows without what time a training took."""
    rows = pd.DataFrame(study.results)
    return rows.drop(columns=[name for name in rows.columns if "seconds" in name or "per_second" in name])


def test_shards_of_a_study_are_the_study(tmp_path: Path, panel: pd.DataFrame) -> None:
    two = {"waves": panel, "first": panel[panel["unique_id"] == "s0"]}
    whole = mg.experiment(two, out=tmp_path / "whole", device="cpu", **GRID)
    assert whole is not None and len(whole.results) > 0 and "<html" in whole._repr_html_().lower()
    parts = [mg.experiment(two, out=tmp_path / f"part{i}", shard=f"{i}/2", device="cpu", **GRID) for i in (1, 2)]
    assert all(part is not None for part in parts)
    merged = mg.merge_studies(tmp_path / "merged", [tmp_path / "part1", tmp_path / "part2"])
    pd.testing.assert_frame_equal(comparable(merged), comparable(whole))
    # Run again, nothing is repeated.
    again = mg.experiment(two, out=tmp_path / "whole", device="cpu", **GRID)
    assert again is not None and again.results == whole.results
    assert mg.load_study(tmp_path / "whole").digest == whole.digest
    assert program("experiment", "--report", tmp_path / "whole").returncode == 0


def test_a_studys_arguments_are_named(tmp_path: Path, panel: pd.DataFrame) -> None:
    with pytest.raises(mg.OptionError, match="models"):
        mg.experiment(panel, out=tmp_path / "a", models=["lstmm"])
    with pytest.raises(mg.OptionError, match="unknown argument"):
        mg.experiment(panel, out=tmp_path / "b", modles=["lstm"])
    with pytest.raises(ValueError, match="shard"):
        mg.experiment(panel, out=tmp_path / "c", shard="3/2")


def test_a_search_gives_a_model(tmp_path: Path, panel: pd.DataFrame) -> None:
    model = mg.RNN(**{**SMALL, "max_steps": None, "epochs": 2})
    found = mg.tune(model, panel, out=tmp_path / "search", search="lr=1e-3..1e-1", configurations=3, halving=False)
    assert len(found.results["tried"]) == 3 and isinstance(found.model, mg.RNN)
    fitted = found.model.fit(panel)
    assert fitted.config_["epochs"] == 2 and len(fitted.predict()) == 18
    with pytest.raises(mg.OptionError, match="configurations"):
        mg.tune(model, panel, out=tmp_path / "other", configurations=1)


def test_the_machine_is_described(panel: pd.DataFrame) -> None:
    assert all({"name", "backend", "software"} <= set(device) for device in mg.devices())
    profile = mg.profile(mg.LSTM(**SMALL), panel, steps=2)
    assert profile.figures["step"]["whole_us"] > 0 and "<svg" in profile._repr_svg_()
    software = [device["name"] for device in mg.devices() if device["software"]]
    if software:
        assert mg.compare(software[0], steps=2, quick=True)["passed"]
    else:
        with pytest.raises((mg.DeviceError, ValueError)):
            mg.compare("no such adapter")


def test_the_program_comes_with_the_wheel() -> None:
    help_ = program("--help")
    assert help_.returncode == 0 and "train" in help_.stdout
    wrong = program("train", "--lookback", "0")
    assert wrong.returncode == 2 and "--lookback" in wrong.stderr
    checked = program("devices", "--check")
    assert checked.returncode in (0, 1), checked.stderr
