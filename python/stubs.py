"""Writes `python/microglia/models.pyi` from the engine's definition of its options: `python stubs.py`, after a change of them.

A test compares the file with what this writes.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from microglia import models
from microglia._base import Forecaster
from microglia._options import Option, annotation

FILE = Path(__file__).parent / "python" / "microglia" / "models.pyi"

HEAD = '''"""The models and their arguments. Written by `python stubs.py`; do not edit."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, Optional, Union

from microglia._base import Forecaster
from microglia._watch import EpochCallback

__all__ = ["GRU", "LSTM", "RNN", "Linear", "PatchTST"]

CLASSES: dict[str, tuple[str, tuple[str, ...]]]
'''


def _argument(name: str, option: Option) -> str:
    return f"{name}: {annotation(option)} | None = None,"


def _arguments(options: list[Option]) -> list[str]:
    """Every argument, and the names that other libraries have for it."""
    lines = []
    for option in options:
        lines.append(_argument(option["name"], option))
        lines.extend(_argument(alias, option) for alias, _ in option["aliases"])
    return lines


def stub() -> str:
    """The file's text."""
    text = HEAD
    for name in models.CLASSES:
        cls: type[Forecaster] = getattr(models, name)
        options = list(cls._known().values())
        fit = [
            "self,",
            "df: Any = None,",
            "*,",
            "callbacks: Iterable[EpochCallback] = (),",
            "progress: bool | None = None,",
            "out: str | os.PathLike[str] | None = None,",
            "overwrite: bool = False,",
            *_arguments(options),
        ]
        methods = [
            ("__init__", ["self,", "*,", *_arguments(options)], "None"),
            ("fit", fit, name),
            ("set_params", ["self,", "*,", *_arguments(options)], name),
        ]
        text += f"\nclass {name}(Forecaster):\n"
        for method, arguments, returned in methods:
            ignored = "" if method == "__init__" else "  # type: ignore[override]"
            text += f"    def {method}({ignored}\n{textwrap.indent(chr(10).join(arguments), ' ' * 8)}\n    ) -> {returned}: ...\n"
    return text


if __name__ == "__main__":
    FILE.write_text(stub(), encoding="utf-8")
    print(FILE)
