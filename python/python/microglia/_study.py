"""Studies, searches, and the machine."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from microglia import _native
from microglia._base import Forecaster
from microglia._errors import OptionError
from microglia._files import cell
from microglia._frames import to_frame
from microglia._options import canonical, run_options, search_options, study_options
from microglia._pictures import Picture
from microglia._watch import Watcher

__all__ = ["Profile", "Search", "Study", "compare", "devices", "experiment", "load_study", "merge_studies", "profile", "tune"]

Place = Union[str, "os.PathLike[str]"]


def _rows(file: Path) -> list[dict[str, Any]]:
    with open(file, encoding="utf-8", newline="") as text:
        return [{name: cell(value) for name, value in row.items()} for row in csv.DictReader(text)]


class Study:
    """A study that has run: its folder is the program's own.

    Attributes
    ----------
    path : Path
        The folder.
    digest : str
        What it found, in a few lines.
    analysis : dict
        Every figure of the report.
    """

    def __init__(self, found: dict[str, Any]) -> None:
        self.path = Path(found["folder"])
        self.digest: str = found["digest"]
        self.analysis: dict[str, Any] = found["analysis"]

    @property
    def results(self) -> list[dict[str, Any]]:
        """A row for each trained model: ``results.csv``. ``pandas.DataFrame(study.results)`` makes a frame."""
        return _rows(self.path / "results.csv")

    def _repr_html_(self) -> str:
        return (self.path / "report.html").read_text(encoding="utf-8")

    def __repr__(self) -> str:
        return f"<Study in {self.path}>\n{self.digest}"


def experiment(
    data: Any = None,
    *,
    out: Place,
    preset: str = "quick",
    shard: Optional[str] = None,
    save_predictions: bool = False,
    device: Optional[str] = None,
    threads: Optional[int] = None,
    progress: Optional[bool] = None,
    **options: Any,
) -> Optional[Study]:
    """Compare methods over data sets, models, look-backs and seeds; run again, it goes on where it was stopped.

    Parameters
    ----------
    data : frame, path or mapping, optional
        A frame or file, or a dict of these by name; in place of one a dict of options with ``frame`` or ``data``.
        Default: the preset's.
    out : path
        The study's folder.
    preset : {'quick', 'paper'}
        What the options leave open.
    shard : str, optional
        A part of the cells, as in ``'1/4'``; `merge_studies` joins the folders.
    save_predictions : bool
        Whether every window's forecasts are kept.
    device, threads, progress
        As of a model.
    **options
        Of the study, such as ``models=['lstm'], seeds=range(1, 6)``; those of a run hold for all its trainings.

    Returns
    -------
    Study or None
        `None` where the shard has no cells.
    """
    if shard is not None and not isinstance(shard, str):
        raise OptionError(f"`shard`: {shard!r} is rejected\n  help: give a part of the cells as a text, as in '1/4'", "shard")
    named = {name.replace("-", "_"): value for name, value in options.items()}
    sets = data if isinstance(data, Mapping) and not _is_columns(data) else ({} if data is None else {"data": data})
    prepared = {name: _data_set(one, name) for name, one in sets.items()}
    on = {"device": device, "threads": threads}
    with Watcher(progress=progress) as watcher:
        known = {**study_options(), **run_options()}
        found = _native.study(canonical(named, known), prepared, preset, Path(out), shard, save_predictions, on, watcher)
    return None if found is None else Study(found)


def _is_columns(data: Mapping[str, Any]) -> bool:
    """Whether a mapping is one frame of arrays."""
    return all(hasattr(values, "__len__") and not isinstance(values, (str, Mapping)) and not hasattr(values, "columns") for values in data.values())


def _data_set(one: Any, name: str) -> dict[str, Any]:
    if isinstance(one, (str, os.PathLike)):
        return {"data": os.path.abspath(one)}
    if isinstance(one, Mapping) and ("frame" in one or "data" in one):
        own = {key: value for key, value in one.items() if key != "frame"}
        return {**own, **({"frame": to_frame(one["frame"], name)} if "frame" in one else {})}
    return {"frame": to_frame(one, name)}


def load_study(path: Place) -> Study:
    """Open a study's folder, and write its report anew."""
    with Watcher() as watcher:
        return Study(_native.report(Path(path), watcher))


def merge_studies(out: Place, parts: Sequence[Place]) -> Study:
    """Join the folders of a study's shards into ``out``."""
    with Watcher() as watcher:
        return Study(_native.merge(Path(out), [Path(part) for part in parts], watcher))


class Search:
    """A search that has ended.

    Attributes
    ----------
    path : Path
        Its folder.
    results : dict
        What it found: ``tried`` configurations by rank, ``importance`` of the settings, ``scored`` models.
    model : Forecaster or None
        A model with the chosen options, not fitted; `None` where none trained to its end.
    """

    def __init__(self, found: dict[str, Any], model: Optional[Forecaster]) -> None:
        self.path = Path(found["folder"])
        self.results: dict[str, Any] = found["results"]
        self.model = model

    def __repr__(self) -> str:
        return f"<Search in {self.path}: {self.results['tried_words']}; chosen: {self.model!r}>"


def tune(
    model: Forecaster,
    df: Any = None,
    *,
    out: Place,
    overwrite: bool = False,
    progress: Optional[bool] = None,
    **search: Any,
) -> Search:
    """Search over a model's options by its validation rows; test rows are read once the choice is made.

    Parameters
    ----------
    model : Forecaster
        What is not searched.
    df : frame or path, optional
        The data, as of `fit`.
    out : path
        The search's folder.
    **search
        ``search='lr=1e-4..1e-2,hidden=32|64'``, ``configurations``, ``seeds``, ``halving``, ``budget``.
    """
    settings = {**model._settings(), "out": Path(out), "overwrite": overwrite}
    frame = _framed(df, settings)
    with Watcher(progress=progress) as watcher:
        found = _native.search(settings, canonical(search, search_options()), frame, watcher)
    if found is None:
        raise KeyboardInterrupt
    best = found["best"]
    chosen = None if best is None else type(model)(**{**model.get_params(), **model._own(best)})
    return Search(found, chosen)


def _framed(df: Any, settings: dict[str, Any]) -> Optional[_native.Frame]:
    if df is None or isinstance(df, (str, os.PathLike)):
        if df is not None:
            settings["data"] = os.fspath(df)
        return None
    return to_frame(df, "df")


def devices() -> list[dict[str, Any]]:
    """The adapters of this machine, each a dict with ``name``, ``backend``, ``type`` and limits; the CPU engine is always there."""
    with Watcher() as watcher:
        return _native.devices(watcher)


def compare(device: Optional[str] = None, *, steps: int = 20, quick: bool = False) -> dict[str, Any]:
    """Check that a device computes what the CPU engine does.

    Parameters
    ----------
    device : str, optional
        Part of an adapter's name. Default: the first that serves, software ones last.
    steps : int
        Training steps of each case.
    quick : bool
        Whether only the smallest case of each model is compared.

    Returns
    -------
    dict
        ``device``, ``passed``, and ``cases`` with every op's error and tolerance.
    """
    with Watcher() as watcher:
        return _native.compare(watcher, device, steps, quick)


class Profile:
    """Where a training step's time goes.

    Attributes
    ----------
    figures : dict
        By op and for the whole step.
    """

    def __init__(self, figures: dict[str, Any], svg: str) -> None:
        self.figures = figures
        self.plot = Picture(svg)

    def _repr_svg_(self) -> str:
        return self.plot.svg

    def __repr__(self) -> str:
        return f"<Profile on {self.figures['device']}: {self.figures['step']['whole_us']:.0f} µs a step>"


def profile(model: Forecaster, df: Any = None, *, steps: Optional[int] = None) -> Profile:
    """Time a model's training steps, op by op, against the roofline.

    Parameters
    ----------
    model : Forecaster
        Need not be fitted.
    df : frame or path, optional
        The data, as of `fit`.
    steps : int, optional
        Default: as many as take two seconds.
    """
    settings = model._settings()
    frame = _framed(df, settings)
    with Watcher() as watcher:
        found = _native.profile(settings, frame, watcher, steps)
    if found is None:
        raise KeyboardInterrupt
    return Profile(*found)
