"""Data frames of any library → the engine's, and its tables → frames of the same kind.

What exports the Arrow PyCapsule interface is read where it lies. pandas' and NumPy's columns are taken apart into their buffers,
so that pandas needs no pyarrow; they are copied once, because their owner may change them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Optional

from microglia import _native
from microglia._errors import OptionError

__all__ = ["Kind", "kind_of", "to_frame", "usual_kind"]

#: Makes a frame of a table: of the library that the caller's data came from.
Kind = Callable[[_native.Table], Any]


def to_frame(data: Any, label: str) -> _native.Frame:
    """The engine's frame of data of any library; ``label`` is what messages call it."""
    if isinstance(data, _native.Frame):
        return data
    if _is_of(data, "pandas", "DataFrame"):
        return _native.Frame.of_columns(label, _of_pandas(data, label))
    if _is_of(data, "polars", "LazyFrame"):
        data = data.collect()
    if _is_of(data, "polars", "DataFrame"):
        data = _of_polars(data)
    if hasattr(data, "__arrow_c_stream__"):
        return _native.Frame.of_stream(label, data)
    if isinstance(data, Mapping):
        return _native.Frame.of_columns(label, {str(name): _of_array(values, str(name), label) for name, values in data.items()})
    raise OptionError(
        f"`{label}`: {_with_article(type(data).__name__)} is no data frame\n  help: give a frame of pandas, Polars, PyArrow or anything with "
        "`__arrow_c_stream__`, or a dict of NumPy arrays",
        label,
    )


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _of_polars(df: Any) -> Any:
    """The frame without the types that Arrow's interface has no reader for: a type that one column has rejects no other."""
    import polars as pl

    others = {getattr(pl, name, None) for name in ("Null", "Int128", "UInt128")}
    made = [df[name].cast(pl.String) for name, dtype in df.schema.items() if dtype in others]
    objects = [name for name, dtype in df.schema.items() if dtype == pl.Object]
    made += [pl.Series(name, [_text(value) for value in df[name].to_list()], dtype=pl.String) for name in objects]
    return df.with_columns(made) if made else df


def _is_of(data: Any, library: str, name: str) -> bool:
    """Whether data is of a library's class, without importing the library."""
    module = sys.modules.get(library)
    return module is not None and isinstance(data, getattr(module, name))


def _of_pandas(df: Any, label: str) -> dict[str, dict[str, Any]]:
    if any(name is not None for name in df.index.names):
        # Ids or times as an index, as some libraries return them.
        df = df.reset_index()
    names = [str(name) for name in df.columns]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise OptionError(f"`{label}`: several columns are called {', '.join(sorted(doubled))}", label)
    return {name: _of_series(df.iloc[:, place], name, label) for place, name in enumerate(names)}


def _of_series(series: Any, name: str, label: str) -> dict[str, Any]:
    """A column of pandas, taken apart."""
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.ArrowDtype) or getattr(dtype, "storage", "") == "pyarrow":
        # Its columns are pyarrow's.
        import pyarrow as pa

        array = pa.array(series.array)
        return {"kind": "arrow", "values": array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])}
    if isinstance(dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy()
        categories = _of_array(series.cat.categories.to_numpy(), name, label)
        if categories["kind"] != "text":
            return _of_array(series.astype(object).to_numpy(), name, label)
        return {
            "kind": "category",
            "values": codes.clip(0).astype("int64").tobytes(),
            "missing": (codes < 0).tobytes(),
            "categories": categories["values"],
        }
    if isinstance(dtype, pd.PeriodDtype):
        ordinals = series.array.asi8
        missing = series.isna().to_numpy()
        return {
            "kind": "int64",
            "values": ordinals.tobytes(),
            "missing": missing.tobytes(),
            "period": dtype.freq.freqstr,
        }
    if isinstance(dtype, pd.DatetimeTZDtype):
        parts = _of_array(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), name, label)
        return {**parts, "zone": _zone(series, label)}
    if isinstance(dtype, pd.api.extensions.ExtensionDtype) and not isinstance(dtype, pd.StringDtype):
        missing = series.isna().to_numpy()
        plain = getattr(dtype, "numpy_dtype", None)
        if plain is None:
            return _of_array(series.astype(object).to_numpy(), name, label)
        # Nullable integers: NumPy's have no missing value.
        values = series.fillna(series.dtype.type(0)).to_numpy(dtype=plain)
        return {**_of_array(values, name, label), "missing": missing.tobytes()}
    return _of_array(series.to_numpy(), name, label)


def _zone(series: Any, label: str) -> str:
    """A column's time zone as Arrow writes it: a name of the IANA's, or an offset such as ``+01:00``."""
    zone = series.dt.tz
    # zoneinfo's and pytz' names; dateutil knows its file.
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    file = str(getattr(zone, "_filename", None) or "").partition("zoneinfo/")[2]
    if name or file or str(zone) == "UTC":
        return str(name or file or zone)
    clocks, instants = series.dt.tz_localize(None), series.dt.tz_convert("UTC").dt.tz_localize(None)
    offsets = ((clocks - instants).dt.total_seconds().dropna() // 60).unique().tolist() or [0.0]
    if len(offsets) > 1:
        problem = f"`{label}`: column `{series.name}` is in the time zone {zone}, which has no name"
        raise OptionError(f"{problem}\n  help: convert it, as in `.dt.tz_convert('Europe/Berlin')`", label)
    hours, minutes = divmod(abs(int(offsets[0])), 60)
    return f"{'-' if offsets[0] < 0 else '+'}{hours:02}:{minutes:02}"


def _of_array(values: Any, name: str, label: str) -> dict[str, Any]:
    """An array of NumPy, or what makes one, taken apart."""
    import numpy as np

    if hasattr(values, "__arrow_c_stream__"):
        return {"kind": "arrow", "values": values}
    masked = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    array = np.asarray(values)
    if array.ndim != 1:
        problem = f"`{label}`: column `{name}` has {array.ndim} dimensions\n  help: give arrays of one dimension"
        raise OptionError(problem, label)
    if array.dtype.byteorder not in ("=", "|") and array.dtype.kind in "iufM":
        array = array.astype(array.dtype.newbyteorder("="))
    kind = array.dtype.kind
    missing = {} if masked is None else {"missing": masked.tobytes()}
    if kind == "b":
        return {"kind": "bool", "values": array.tobytes(), **missing}
    if kind in "iu" or (kind == "f" and array.dtype.itemsize <= 8):
        return {"kind": array.dtype.name, "values": array.tobytes(), **missing}
    if kind == "f":
        return {"kind": "float64", "values": array.astype("float64").tobytes(), **missing}
    if kind == "M":
        unit, count = np.datetime_data(array.dtype)
        if unit not in ("s", "ms", "us", "ns") or count != 1:
            # Days and months are seconds too; Arrow has no multiples of a unit, and nothing finer than nanoseconds.
            unit = unit if unit in ("ms", "us") else "ns" if unit in ("ns", "ps", "fs", "as") else "s"
            array = array.astype(f"M8[{unit}]")
        absent = np.isnat(array) if masked is None else np.isnat(array) | masked
        return {"kind": unit, "values": array.astype("int64").tobytes(), "missing": absent.tobytes()}
    if kind in "OUST":
        values = array.tolist()
        if masked is not None:
            values = [None if absent else value for value, absent in zip(values, masked.tolist())]
        try:
            return {"kind": "text", "values": [_text(value) for value in values]}
        except UnicodeDecodeError:
            return {"kind": "bytes", "rows": len(array)}
    # What the engine does not read rejects no frame: a column of it may be there, and cannot be named.
    if kind == "m":
        return {"kind": "duration", "values": array.astype("m8[ns]").tobytes()}
    return {"kind": "structs", "rows": len(array)}


def _text(value: Any) -> Optional[str]:
    """A value as a file would have it; `None` for one that is missing."""
    if isinstance(value, str):
        return value
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bytes):
        return value.decode()
    return str(value)


def kind_of(data: Any) -> Kind:
    """What makes frames of the kind of ``data``."""
    if _is_of(data, "pandas", "DataFrame"):
        types = _own_types(data)
        return partial(_to_typed_pandas, types) if types else _to_pandas
    if _is_of(data, "polars", "DataFrame"):
        return _to_polars
    if _is_of(data, "polars", "LazyFrame"):
        return _to_lazy
    if _is_of(data, "pyarrow", "Table") or _is_of(data, "pyarrow", "RecordBatch"):
        return _to_pyarrow
    if isinstance(data, Mapping):
        return _to_numpy
    if isinstance(data, _native.Frame):
        return usual_kind()
    return _to_capsule


def usual_kind() -> Kind:
    """Of data that is no frame: the first library that is there."""
    import importlib.util

    found = {"pandas": _to_pandas, "polars": _to_polars, "pyarrow": _to_pyarrow, "numpy": _to_numpy}
    for library, kind in found.items():
        if library in sys.modules or importlib.util.find_spec(library) is not None:
            return kind
    return _to_capsule


def _to_capsule(table: _native.Table) -> _native.Table:
    return table


def _to_polars(table: _native.Table) -> Any:
    import polars as pl

    return pl.DataFrame(table)


def _to_lazy(table: _native.Table) -> Any:
    return _to_polars(table).lazy()


def _to_pyarrow(table: _native.Table) -> Any:
    import pyarrow as pa

    return pa.table(table)


def _to_numpy(table: _native.Table) -> dict[str, Any]:
    return _arrays(table.columns())


def _arrays(apart: list[tuple[str, str, Any, Any]]) -> dict[str, Any]:
    import numpy as np

    columns: dict[str, Any] = {}
    for name, kind, values, extra in apart:
        if kind == "text":
            columns[name] = np.array(values, dtype=object)
        elif kind == "category":
            columns[name] = np.array(extra, dtype=object)[np.frombuffer(values, "int32")]
        elif kind == "date":
            columns[name] = np.frombuffer(values, "int32").astype("M8[D]")
        elif kind in ("s", "ms", "us", "ns"):
            columns[name] = np.frombuffer(values, f"M8[{kind}]").copy()
        else:
            columns[name] = np.frombuffer(values, kind).copy()
    return columns


def _to_pandas(table: _native.Table) -> Any:
    import pandas as pd

    apart = table.columns()
    columns = _arrays(apart)
    for name, kind, values, extra in apart:
        if kind == "category":
            import numpy as np

            columns[name] = pd.Categorical.from_codes(np.frombuffer(values, "int32"), categories=extra)
        elif kind in ("s", "ms", "us", "ns") and extra is not None:
            columns[name] = pd.DatetimeIndex(columns[name]).tz_localize("UTC").tz_convert(extra)
    return pd.DataFrame(columns)


def _own_types(df: Any) -> dict[str, Any]:
    """Columns of ids and times of which pandas has a type that a table has not: periods, categories, and `datetime.date`."""
    import datetime

    import pandas as pd

    types: dict[str, Any] = {}
    for place, (name, dtype) in enumerate(df.dtypes.items()):
        if isinstance(dtype, (pd.PeriodDtype, pd.CategoricalDtype)):
            types[str(name)] = dtype
        elif dtype == object and len(df) and type(df.iloc[0, place]) is datetime.date:
            types[str(name)] = datetime.date
    return types


def _to_typed_pandas(types: dict[str, Any], table: _native.Table) -> Any:
    """A frame with ids and times in their own types: the first two columns, and cutoffs, which are times too."""
    import datetime

    import pandas as pd

    df = _to_pandas(table)
    ids, times = df.columns[:2]
    own = types.get(ids)
    if isinstance(own, pd.CategoricalDtype):
        words = {_text(category): category for category in own.categories}
        if set(df[ids]) <= set(words):
            df[ids] = pd.Categorical([words[word] for word in df[ids]], dtype=own)
    own = types.get(times)
    for name in [times, *(["cutoff"] if "cutoff" in df.columns[2:3] else [])]:
        if isinstance(own, pd.PeriodDtype):
            df[name] = pd.PeriodIndex(df[name], dtype=own)
        elif own is datetime.date:
            df[name] = pd.to_datetime(df[name]).dt.date
    return df
