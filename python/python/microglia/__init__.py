"""Train time-series forecasters with synaptic pruning, on any GPU or on the CPU.

>>> import microglia as mg
>>> model = mg.LSTM(horizon=6, lookback=48).fit()  # the embedded weather set
>>> forecast = model.predict()
"""

from __future__ import annotations

from microglia._base import Forecaster
from microglia._errors import CheckpointError, DataError, DeviceError, DivergedError, NotFittedError, OptionError
from microglia._load import load
from microglia._native import __version__
from microglia._pictures import Picture
from microglia._study import (
    Profile,
    Search,
    Study,
    compare,
    devices,
    experiment,
    load_study,
    merge_studies,
    profile,
    tune,
)
from microglia._watch import EpochCallback
from microglia.models import GRU, LSTM, RNN, Linear, PatchTST

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "CheckpointError",
    "DataError",
    "DeviceError",
    "DivergedError",
    "EpochCallback",
    "Forecaster",
    "Linear",
    "NotFittedError",
    "OptionError",
    "PatchTST",
    "Picture",
    "Profile",
    "Search",
    "Study",
    "__version__",
    "compare",
    "devices",
    "experiment",
    "load",
    "load_study",
    "merge_studies",
    "profile",
    "tune",
]
