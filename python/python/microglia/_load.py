"""Runs that are there already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from microglia import _native, models
from microglia._base import Forecaster

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> Any:
    """Open a run folder or a weights file, of Python or of the program.

    Parameters
    ----------
    path : path
        A run folder, one of its files, or what ``microglia export`` wrote.

    Returns
    -------
    Forecaster
        A fitted `LSTM`, `GRU`, `RNN`, `PatchTST` or `Linear`.
    """
    info = _native.model_info(path)
    for name, (_, words) in models.CLASSES.items():
        if info["model"] in words:
            cls: type[Forecaster] = getattr(models, name)
            return cls._of_folder(Path(path), info["config"])
    raise AssertionError(f"no class for {info['model']}")
