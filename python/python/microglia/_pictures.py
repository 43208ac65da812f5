"""What shows in a notebook."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["Picture", "summary_html"]


class Picture:
    """A picture as SVG, which a notebook shows."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture: {len(self.svg)} bytes of SVG; show it in a notebook, or .save(path)>"


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}"


def summary_html(title: str, summary: dict[str, Any], pictures: list[str]) -> str:
    """A run's scores beside its baselines', and its pictures."""
    rows = [(title, summary["test"]), *((name.replace("_", " "), scores) for name, scores in summary["baselines"].items())]
    head = "<tr><th></th><th>MAE</th><th>RMSE</th><th>MASE</th></tr>"
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(f"<td>{_number(scores.get(key))}</td>" for key in ("mae", "rmse", "mase"))
        + "</tr>"
        for name, scores in rows
        if isinstance(scores, dict)
    )
    about = f"{summary['status']} · {summary['device']} · weights {summary['weights_sha256'][:16]}"
    shown = "".join(f"<div>{picture}</div>" for picture in pictures)
    return f"<table>{head}{body}</table><p>{escape(about)}</p>{shown}"
