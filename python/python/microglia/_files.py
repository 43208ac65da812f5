"""Files of a run, and the folder of one that has no place yet."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import tempfile
import weakref
from pathlib import Path
from typing import Any, Optional

from microglia._errors import CheckpointError, OptionError

__all__ = ["FRAME", "Temporary", "cell", "check_place", "read_safetensors"]

#: The training frame in a run folder that Python wrote.
FRAME = "frame.arrow"

#: What else a run's folder holds, and what makes it one.
_RESULTS = {"summary.json", "model.safetensors", "checkpoint.safetensors"}
_FILES = _RESULTS | {".lock", "config.toml", "metrics.csv", "scores.csv", "left_out.csv", "intervals.safetensors", "forecast.svg", "training.svg"}


class Temporary:
    """A folder that goes with the last model that holds it, in the process that made it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="microglia-"))
        weakref.finalize(self, _remove, self.path, os.getpid())


def check_place(place: Path, own: Path, overwrite: bool) -> None:
    """Whether a run may be written to `place`; `own` is where it lies. Only a run's folder is replaced, and no file of others."""
    if place.exists() and not place.is_dir():
        raise OptionError(f"`path`: {place} is a file\n  help: name a folder", "path")
    if place in own.parents or own in place.parents:
        raise OptionError(f"`path`: {place} and the model's own run, {own}, lie one in the other\n  help: name another folder", "path")
    held = sorted(entry.name for entry in place.iterdir()) if place.exists() else []
    if held and not overwrite:
        raise OptionError(f"`path`: {place} is not empty\n  help: name another, or overwrite=True", "path")
    foreign = _foreign(place) if held else None
    if foreign is not None:
        problem = f"`path`: {place} holds {foreign}, which is no run's, so it is not replaced"
        raise OptionError(f"{problem}\n  help: name another folder, or remove it", "path")
    if held and not _RESULTS & set(held):
        raise OptionError(f"`path`: {place} holds no run, so it is not replaced\n  help: name another folder, or remove it", "path")


def _foreign(folder: Path) -> Optional[str]:
    """Something in a run's folder that no run wrote."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            is_part = re.fullmatch(r"checkpoints|replica-\d+", entry.name)
            inner = _foreign(entry) if is_part else entry.name
            if inner is not None:
                return inner
        elif folder.name == "checkpoints" and (entry.name == "finished" or entry.suffix == ".safetensors"):
            continue
        elif entry.name not in (*_FILES, FRAME):
            return entry.name
    return None


def _remove(path: Path, owner: int) -> None:
    # A forked process has its own copy of the model, and not of the folder.
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


def cell(text: Optional[str]) -> Any:
    """A cell of a table as a number or truth value, where it is one."""
    if not text:
        return None
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_safetensors(path: Path) -> dict[str, Any]:
    """The weights in a safetensors file, by name."""
    import numpy as np

    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    kinds = {"F32": "<f4", "F64": "<f8", "U32": "<u4", "U8": "u1"}
    tensors = {}
    for name, about in header.items():
        # A checkpoint's own are what training goes on with.
        if name == "__metadata__" or name.startswith("microglia."):
            continue
        if about["dtype"] not in kinds:
            raise CheckpointError(f"{path}: tensor `{name}` holds {about['dtype']}", str(path))
        start, end = about["data_offsets"]
        tensors[name] = np.frombuffer(data[start:end], kinds[about["dtype"]]).reshape(about["shape"]).copy()
    return tensors
