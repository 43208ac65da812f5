"""The examples and the notebook run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_first_example(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "first.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "seasonal naive" in done.stdout and (tmp_path / "first.svg").read_text().startswith("<svg")


def test_weights_go_to_pytorch_and_back(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch")
    pytest.importorskip("safetensors", reason="needs safetensors")
    done = subprocess.run([sys.executable, EXAMPLES / "torch_both_ways.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "both ways" in done.stdout


def test_the_notebook(tmp_path: Path) -> None:
    pytest.importorskip("nbmake", reason="needs nbmake and ipykernel")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbmake", "--nbmake-timeout=120", "-p", "no:cacheprovider", EXAMPLES / "quickstart.ipynb"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout
