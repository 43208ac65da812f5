"""The stubs are those of the engine's options, and the package and its examples pass the checkers of types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1]


def test_the_stub_is_that_of_the_options() -> None:
    sys.path.insert(0, str(FOLDER))
    import stubs

    assert stubs.FILE.read_text(encoding="utf-8") == stubs.stub(), "run: python python/stubs.py"


def test_mypy_passes() -> None:
    pytest.importorskip("mypy")
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_passes_on_the_examples() -> None:
    pytest.importorskip("pyright", reason="needs pyright")
    examples = [FOLDER / "examples" / "first.py", *sorted((FOLDER.parent / "examples" / "cluster").glob("*.py"))]
    words = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, *map(str, examples)]
    done = subprocess.run(words, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_wrong_argument_is_found_before_it_runs(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    code = tmp_path / "wrong.py"
    code.write_text("import microglia as mg\nmg.LSTM(hiden=3)\nmg.LSTM(scale='galactic')\nmg.LSTM(h=3, hidden=4)\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "mypy", str(code)], cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line]
    assert lines == ["2", "3"], done.stdout
