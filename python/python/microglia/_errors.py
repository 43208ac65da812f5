"""What goes wrong, as exceptions that name the argument and the row."""

from __future__ import annotations

import sys
from typing import Optional

__all__ = [
    "CheckpointError",
    "DataError",
    "DeviceError",
    "DivergedError",
    "NotFittedError",
    "OptionError",
]


class OptionError(ValueError):
    """An argument that cannot be used, alone or with this data.

    Attributes
    ----------
    argument : str
        Its name, as it is written in a call.
    """

    def __init__(self, message: str, argument: str) -> None:
        super().__init__(message)
        self.argument = argument

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return (type(self), (str(self), self.argument))


class DataError(ValueError):
    """Data that cannot be read as asked.

    Attributes
    ----------
    frame : str
        What the message calls the frame or file.
    row : int or None
        The row's position: ``df.iloc[error.row]``. The message counts rows from 1.
    column, value : str or None
        The column's name, and the value as text.
    """

    def __init__(
        self, message: str, frame: str, row: Optional[int], column: Optional[str], value: Optional[str]
    ) -> None:
        super().__init__(message)
        self.frame, self.row, self.column, self.value = frame, row, column, value

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return (type(self), (str(self), self.frame, self.row, self.column, self.value))


class CheckpointError(ValueError):
    """A run folder or weights file that does not hold what was asked for.

    Attributes
    ----------
    path : str
        The file.
    """

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return (type(self), (str(self), self.path))


class DivergedError(ValueError):
    """Every model met a number that is not finite."""


class DeviceError(RuntimeError):
    """No adapter fits, or the device rejected or lost work."""


class NotFittedError(ValueError, AttributeError):
    """A model that was not fitted yet."""


def not_fitted(name: str) -> NotFittedError:
    """The error, which is also scikit-learn's own where that is loaded."""
    message = f"this {name} is not fitted yet: call `fit` first, or open a run with `microglia.load`"
    sklearn = sys.modules.get("sklearn.exceptions")
    if sklearn is None:
        return NotFittedError(message)
    both: type[NotFittedError] = type("NotFittedError", (NotFittedError, sklearn.NotFittedError), {})
    return both(message)
