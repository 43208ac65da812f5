"""Files of a run, and the folder of one that has no place yet."""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
import weakref
from pathlib import Path
from typing import Any, Optional

from microglia._errors import CheckpointError

__all__ = ["FRAME", "Temporary", "cell", "read_safetensors"]

#: The training frame in a run folder that Python wrote.
FRAME = "frame.arrow"


class Temporary:
    """A folder that goes with the last model that holds it, in the process that made it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="microglia-"))
        weakref.finalize(self, _remove, self.path, os.getpid())

    def __deepcopy__(self, _: object) -> Temporary:
        return self


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
