"""The models. Their arguments come from the engine's definition of its options; `models.pyi` lists them."""

from __future__ import annotations

from microglia._base import Forecaster
from microglia._options import docstring, signature

__all__ = ["GRU", "LSTM", "RNN", "Linear", "PatchTST"]

#: By class: what it is, and the words of the option `model`, its default first.
CLASSES = {
    "LSTM": ("A network of LSTM cells.", ("lstm",)),
    "GRU": ("A network of GRU cells.", ("gru",)),
    "RNN": ("A network of Elman's cells.", ("rnn",)),
    "PatchTST": ("A transformer over patches of the look-back.", ("patchtst",)),
    "Linear": ("Linear maps: NLinear and DLinear are trained, the ridge is fitted in closed form.", ("nlinear", "dlinear", "ridge")),
}


def _made(name: str) -> type[Forecaster]:
    what, words = CLASSES[name]
    made: type[Forecaster] = type(name, (Forecaster,), {"_models": words, "__module__": __name__})
    options = made._known().values()
    made.__doc__ = docstring(what, options)
    made.__signature__ = signature(options)  # type: ignore[attr-defined]
    return made


LSTM = _made("LSTM")
GRU = _made("GRU")
RNN = _made("RNN")
PatchTST = _made("PatchTST")
Linear = _made("Linear")
