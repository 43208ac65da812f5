"""What every model has: fit, predict, scores, files."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Optional, Union

from microglia import _native
from microglia._errors import CheckpointError, OptionError, not_fitted
from microglia._files import FRAME, Temporary, cell, check_place, read_safetensors
from microglia._frames import Kind, kind_of, to_frame, usual_kind
from microglia._options import Option, canonical, run_options
from microglia._pictures import Picture, summary_html
from microglia._watch import EpochCallback, Watcher

__all__ = ["Forecaster"]

Place = Union[str, "os.PathLike[str]"]

#: Options that belong to a call and not to a model.
_OF_A_CALL = ("data", "out", "overwrite", "json")

#: Options that may differ from the training's where a trained model reads rows: how they are written, and where it works.
_OF_READING = (
    "weight", "time_column", "time_format", "id_column", "freq", "short_series", "impute", "missing_values", "gaps", "fill_missing",
    "holidays", "timezone", "delimiter", "decimal", "thousands", "skip_rows", "sort", "layout", "device", "threads",
)  # fmt: skip

#: Arguments of a forecast, and of scores, with Nixtla's names of them.
_OF_A_FORECAST = ("levels", "horizon", "recursive", "origin", "ended", "ensemble", "conformal", "alias")
_OF_SCORES = ("levels", "folds", "step", "refit", "part", "ensemble", "conformal", "alias")
_NIXTLAS = {"futr_df": "future", "h": "horizon", "level": "levels", "n_windows": "folds", "step_size": "step"}


class Forecaster:
    """A model that forecasts time series. Its classes are in `microglia`: `LSTM`, `GRU`, `RNN`, `PatchTST`, `Linear`."""

    #: Words of the option ``model`` that the class takes, its default first.
    _models: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **options: Any) -> None:
        self._given = canonical(options, self._known())
        self._path: Optional[Path] = None
        self._frame: Optional[_native.Frame] = None
        self._kind: Optional[Kind] = None
        self._holder: Any = None

    @classmethod
    def _known(cls) -> dict[str, Option]:
        known = {name: option for name, option in run_options().items() if name not in _OF_A_CALL}
        if len(cls._models) == 1:
            del known["model"]
        return known

    # scikit-learn's conventions.

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every argument by name; `None` is the default."""
        return {name: self._given.get(name) for name in self._known()}

    def set_params(self, **params: Any) -> Forecaster:
        """Change arguments; what was fitted stays until the next `fit`."""
        self._given.update(canonical(params, self._known()))
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self._path is not None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=False), input_tags=InputTags())

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._given.items() if value is not None)
        return f"{type(self).__name__}({given})"

    def _settings(self, **options: Any) -> dict[str, Any]:
        """The options of a run: the model's, and those of a call over them."""
        given = {name: value for name, value in canonical(options, self._known()).items() if value is not None}
        # One way to cut the parts replaces the other.
        sizes = ("val_size", "test_size")
        replaced = sizes if "split" in given else ("split",) if any(size in given for size in sizes) else ()
        settings = {name: value for name, value in self._given.items() if name not in replaced}
        settings.update(given)
        model = settings.get("model") or self._models[0]
        if model not in self._models:
            raise OptionError(f"`model`: {model!r} is rejected\n  help: give one of {', '.join(self._models)}", "model")
        settings["model"] = model
        return settings

    # Training.

    def fit(
        self,
        df: Any = None,
        *,
        callbacks: Iterable[EpochCallback] = (),
        progress: Optional[bool] = None,
        out: Optional[Place] = None,
        overwrite: bool = False,
        **options: Any,
    ) -> Any:
        """Train on a frame, long (``unique_id``, ``ds``, ``y``) or wide.

        Parameters
        ----------
        df : frame or path, optional
            A frame of pandas, Polars, PyArrow or anything with ``__arrow_c_stream__``, a dict of NumPy arrays, or a file's path.
            Default: the embedded weather set.
        callbacks : iterable of callables
            Each is called with a dict after each epoch; one that returns what is true ends the training.
        progress : bool, optional
            Whether a bar is shown. Default: at a terminal and in a notebook.
        out : path, optional
            The run folder. Default: a temporary one, which goes with the model; `save` keeps it.
        overwrite : bool
            Whether a run in that folder is replaced.
        **options
            Further arguments of the class, for this fit alone, such as ``val_size=28``.

        Returns
        -------
        Forecaster
            The model itself.

        Raises
        ------
        OptionError, DataError
            An argument or a row that cannot be used.
        KeyboardInterrupt
            After Ctrl-C, with the checkpoint written: `resume` continues.
        """
        settings = self._settings(**options)
        frame, kind = None, usual_kind()
        if isinstance(df, (str, os.PathLike)):
            settings["data"] = os.fspath(df)
        elif df is not None:
            frame, kind = to_frame(df, "df"), kind_of(df)
        holder: Optional[Temporary] = None
        if out is None:
            holder = Temporary()
            out = holder.path / "run"
        # The model finds it wherever the process goes.
        folder = Path(out).absolute()
        checkpoint = folder / "checkpoint.safetensors"
        before = _written(checkpoint)
        settings.update(out=folder, overwrite=overwrite)
        with Watcher(callbacks, progress) as watcher:
            try:
                _native.train(settings, frame, watcher)
            except BaseException:
                # What a stop left is a model too.
                if _written(checkpoint) not in (None, before):
                    self._adopt(folder, frame, kind, holder)
                raise
        self._adopt(folder, frame, kind, holder)
        return self

    def resume(
        self,
        df: Any = None,
        *,
        callbacks: Iterable[EpochCallback] = (),
        progress: Optional[bool] = None,
        **options: Any,
    ) -> Any:
        """Continue the run after a stop, to the same weights as without one.

        Parameters
        ----------
        df : frame, optional
            The training frame, where a model that was loaded has none.
        callbacks, progress
            As of `fit`.
        **options
            What may change: ``epochs`` (more), ``threads``, ``device``, when checkpoints are written.
        """
        folder = self._fitted()
        if df is None:
            self._check_frame()
        frame = self._frame if df is None else to_frame(df, "df")
        with Watcher(callbacks, progress) as watcher:
            _native.train(canonical(options), frame, watcher, folder)
        kind = kind_of(df) if df is not None else self._kind
        self._adopt(folder, frame, kind or usual_kind(), self._holder)
        return self

    def _adopt(self, folder: Path, frame: Optional[_native.Frame], kind: Kind, holder: Any) -> None:
        self._path, self._frame, self._kind, self._holder = folder, frame, kind, holder
        if holder is None and frame is not None:
            (folder / FRAME).write_bytes(frame.to_arrow())
        elif holder is None:
            # Of an earlier run in the folder.
            (folder / FRAME).unlink(missing_ok=True)

    # Forecasts.

    def predict(
        self,
        df: Any = None,
        *,
        future: Any = None,
        levels: Optional[Sequence[float]] = None,
        horizon: Optional[int] = None,
        recursive: bool = False,
        origin: Any = None,
        ended: Optional[str] = None,
        ensemble: Optional[str] = None,
        conformal: bool = False,
        alias: Optional[str] = None,
        **options: Any,
    ) -> Any:
        """Forecast the rows after the last of each series.

        Parameters
        ----------
        df : frame or path, optional
            Rows that the forecasts continue, with the columns of training. Default: the training data.
        future : frame or path, optional
            The future covariates of the rows to forecast, with the columns of ids and times. Nixtla's ``futr_df``.
        levels : sequence of float, optional
            Of intervals, in per cent; an empty one for none. Default: 80 and 95.
        horizon : int, optional
            Rows to forecast, as far as the model was trained. Nixtla's ``h``.
        recursive : bool
            Whether forecasts are read to forecast beyond the trained horizon, without intervals.
        origin : time or int, optional
            Forecast after this time, or after so many rows of each series.
        ended : {'forecast', 'skip'}, optional
            What becomes of series that end before the others.
        ensemble : {'best', 'mean', 'median'}, optional
            How several replicas forecast together.
        conformal : bool
            Whether intervals of quantiles or a distribution are calibrated.
        alias : str, optional
            The name of the forecasts' columns. Default: the model's, such as ``LSTM``.
        **options
            How ``df`` is read where that differs, and ``device`` and ``threads``.

        Returns
        -------
        frame
            Of the same kind as ``df``, or as the training frame: ``unique_id``, ``ds``, ``LSTM``, ``LSTM-lo-80``, …
        """
        given = dict(levels=levels, recursive=recursive, ended=ended, ensemble=ensemble, conformal=conformal, alias=alias)
        return self._forecast(df, future, {**given, "horizon": horizon, "origin": origin}, options)[0]

    def plot(self, df: Any = None, *, future: Any = None, **options: Any) -> Picture:
        """A picture of the forecasts, with arguments as of `predict`."""
        svg = self._forecast(df, future, {}, options, picture=True)[1]
        return Picture(svg or "")

    def _forecast(
        self, df: Any, future: Any, given: dict[str, Any], options: dict[str, Any], picture: bool = False
    ) -> tuple[Any, Optional[str]]:
        folder = self._fitted()
        given = _arguments({**given, "future": future}, options, (*_OF_A_FORECAST, "future"))
        future = given.pop("future")
        frame, kind = self._data(df, given)
        if future is not None and not isinstance(future, (str, os.PathLike)):
            future = to_frame(future, "future")
        with Watcher() as watcher:
            table, svg, _ = _native.forecast([folder], given, watcher, self._frame, frame, future, picture)
        return kind(table), svg

    def cross_validation(
        self,
        df: Any = None,
        *,
        folds: Optional[int] = None,
        step: Optional[int] = None,
        refit: bool = False,
        levels: Optional[Sequence[float]] = None,
        progress: Optional[bool] = None,
        **options: Any,
    ) -> Any:
        """Forecast from several origins of the test rows, beside what was observed and the baselines.

        Parameters
        ----------
        df : frame or path, optional
            Other data than that of training.
        folds : int, optional
            Origins, each of which forecasts one horizon. Nixtla's ``n_windows``. Default: every window.
        step : int, optional
            Rows from one origin to the next. Nixtla's ``step_size``. Default: the horizon.
        refit : bool
            Whether a model is trained anew for each fold, on the rows before it.
        levels, **options
            As of `predict`.

        Returns
        -------
        frame
            ``unique_id``, ``ds``, ``cutoff``, ``y``, the model's columns, ``RepeatLast``, ``SeasonalNaive``, ``Ridge``.
        """
        given = dict(folds=folds, step=step, refit=refit, levels=levels)
        return self._evaluate(df, given, options, True, progress)[0]

    def evaluate(
        self,
        df: Any = None,
        *,
        part: Optional[str] = None,
        folds: Optional[int] = None,
        step: Optional[int] = None,
        levels: Optional[Sequence[float]] = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Score the model beside the baselines.

        Parameters
        ----------
        part : {'test', 'validation', 'calibration', 'train', 'held-out'}, optional
            Of the training data. Default: the test part.
        df, folds, step, levels, **options
            As of `cross_validation`.

        Returns
        -------
        dict
            ``total``, a dict of scores per model; ``by_fold``, ``by_series``, ``by_step``; ``windows``; ``levels``.
        """
        given = dict(part=part, folds=folds, step=step, levels=levels)
        return self._evaluate(df, given, options, False, None)[1]

    def _evaluate(
        self, df: Any, given: dict[str, Any], options: dict[str, Any], predictions: bool, progress: Optional[bool]
    ) -> tuple[Any, dict[str, Any]]:
        folder = self._fitted()
        given = _arguments(given, options, _OF_SCORES)
        frame, kind = self._data(df, given)
        with Watcher(progress=progress) as watcher:
            done = _native.evaluate([folder], given, watcher, self._frame, frame, predictions)
        if done is None:
            raise KeyboardInterrupt
        table, scores = done
        return (None if table is None else kind(table)), scores

    def _data(self, df: Any, given: dict[str, Any]) -> tuple[Optional[_native.Frame], Kind]:
        """Data that is named in place of the training data, and the kind of frame of the results."""
        if isinstance(df, (str, os.PathLike)):
            given["data"] = os.fspath(df)
        elif df is not None:
            return to_frame(df, "df"), kind_of(df)
        else:
            self._check_frame()
        return None, self._kind or usual_kind()

    def _check_frame(self) -> None:
        """The training frame is needed, and may not be there."""
        if self._frame is None and self.config_["data"] == "frame":
            problem = "`df`: the model was trained on a frame, which was not saved with it"
            raise OptionError(f"{problem}\n  help: give it, or other rows; `save` keeps it", "df")

    # What was trained.

    def _fitted(self) -> Path:
        if self._path is None:
            raise not_fitted(type(self).__name__)
        return self._path

    def _file(self, name: str) -> Path:
        """A file of the run folder."""
        own = self._fitted()
        if own.is_file():
            raise CheckpointError(f"{own}: a weights file has no {name}\n  help: open the whole run folder", str(own))
        if not (own / name).is_file():
            raise CheckpointError(f"{own}: no {name} is there\n  help: open the whole run folder", str(own))
        return own / name

    @property
    def path_(self) -> Path:
        """The run folder, which the program `microglia` reads too."""
        return self._fitted()

    @property
    def summary_(self) -> dict[str, Any]:
        """The run's scores and sizes: ``summary.json``."""
        summary: dict[str, Any] = json.loads(self._file("summary.json").read_text(encoding="utf-8"))
        return summary

    @property
    def history_(self) -> list[dict[str, Any]]:
        """The epochs, each a dict: ``metrics.csv``."""
        with open(self._file("metrics.csv"), encoding="utf-8", newline="") as file:
            return [{name: cell(text) for name, text in row.items()} for row in csv.DictReader(file)]

    @property
    def config_(self) -> dict[str, Any]:
        """Every option of the run, with what the data settled."""
        config: dict[str, Any] = _native.model_info(self._fitted())["config"]
        return {name.replace("-", "_"): value for name, value in config.items()}

    @property
    def weights_sha256_(self) -> str:
        """SHA-256 of the weights: equal for equal data, options and device, from Python and from the program."""
        return str(_native.model_info(self._fitted())["weights_sha256"])

    def state_dict(self) -> dict[str, Any]:
        """The weights as NumPy arrays, by PyTorch's names."""
        own = self._fitted()
        return read_safetensors(own if own.is_file() else self._file("model.safetensors"))

    def _repr_html_(self) -> Optional[str]:
        if self._path is None or self._path.is_file():
            return None
        names = ("forecast.svg", "training.svg")
        pictures = [self._path / name for name in names if (self._path / name).is_file()]
        return summary_html(type(self).__name__, self.summary_, [file.read_text(encoding="utf-8") for file in pictures])

    # Files.

    def save(self, path: Place, *, dataset: bool = True, overwrite: bool = False) -> None:
        """Write the run folder, which `microglia.load` and the program read.

        Parameters
        ----------
        path : path
            A folder that does not exist yet, or is empty.
        dataset : bool
            Whether the training frame is written too, so that `predict` works without one: ``frame.arrow``.
        overwrite : bool
            Whether a run folder that is there is replaced. No other folder is.
        """
        own, place = self._file("model.safetensors").parent.resolve(), Path(path).resolve()
        if own == place:
            return
        check_place(place, own, overwrite)
        if place.exists():
            shutil.rmtree(place)
        shutil.copytree(own, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns(FRAME, ".lock"))
        if dataset and self._frame is not None:
            (place / FRAME).write_bytes(self._frame.to_arrow())

    @classmethod
    def _own(cls, config: dict[str, Any]) -> dict[str, Any]:
        """Of a run's configuration, the arguments of the class."""
        own = {name.replace("-", "_"): value for name, value in config.items()}
        return {name: value for name, value in own.items() if name in cls._known()}

    @classmethod
    def _of_folder(cls, path: Path, config: dict[str, Any]) -> Forecaster:
        model = cls(**cls._own(config))
        model._path, model._kind = path.absolute(), usual_kind()
        if path.is_dir() and (path / FRAME).is_file():
            model._frame = _native.Frame.of_arrow("df", (path / FRAME).read_bytes())
        return model

    def __getstate__(self) -> dict[str, Any]:
        files: dict[str, bytes] = {}
        if self._path is not None:
            # What a checkpoint would resume stays with its folder.
            own = [self._path] if self._path.is_file() else [file for file in self._path.iterdir() if file.is_file()]
            files = {file.name: file.read_bytes() for file in own if file.name != FRAME}
        file = self._path.name if self._path is not None and self._path.is_file() else None
        return {"given": self._given, "files": files, "file": file, "frame": self._frame, "kind": self._kind}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._given, self._frame, self._kind = state["given"], state["frame"], state["kind"]
        self._path, self._holder = None, None
        if state["files"]:
            self._holder = Temporary()
            self._path = self._holder.path / "run"
            self._path.mkdir()
            for name, data in state["files"].items():
                (self._path / name).write_bytes(data)
            if state["file"] is not None:
                self._path /= state["file"]


def _arguments(given: dict[str, Any], options: dict[str, Any], own: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of a call on a trained model, each by one name. `given` are parameters; `None` and `False` leave them open."""
    given = {name: value for name, value in given.items() if value is not False}
    known = (*own, *_OF_READING)
    doubled = next((name for name, of in _NIXTLAS.items() if name in options and of in own and given.get(of) is not None), None)
    if doubled is not None:
        of = _NIXTLAS[doubled]
        raise OptionError(f"`{of}`: `{doubled}` and another argument set it\n  help: give it once", of)
    return {**given, **canonical(options, known, _NIXTLAS)}


def _written(file: Path) -> Optional[tuple[int, int]]:
    """Which file it is, and when it was written; `None` where there is none."""
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns
