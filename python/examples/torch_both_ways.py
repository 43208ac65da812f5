"""Weights between an LSTM of PyTorch and ours, both ways, with the same states on both sides. Needs torch and safetensors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

import microglia as mg


class Theirs(torch.nn.Module):
    """What `mg.LSTM` is, in PyTorch, with its names."""

    def __init__(self, channels: int, hidden: int, horizon: int) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(channels, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden, horizon)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(rows)
        forecast: torch.Tensor = self.head(states[:, -1])
        return forecast


def main() -> None:
    # Out: ours, trained, in PyTorch's module.
    options: dict[str, Any] = {"horizon": 6, "lookback": 24, "hidden": 16, "max_steps": 50, "device": "cpu"}
    options.update(instance_norm="none", linear_path="none", regularizer="none")
    model = mg.LSTM(**options).fit()
    weights = {name: torch.from_numpy(array) for name, array in model.state_dict().items()}
    channels = weights["lstm.weight_ih_l0"].shape[1]
    theirs = Theirs(channels, 16, 6)
    theirs.load_state_dict(weights)
    # In: theirs, untrained, as what ours starts from.
    fresh = Theirs(channels, 16, 6)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fresh.safetensors"
        save_file(fresh.state_dict(), str(file))
        ours = mg.LSTM(**{**options, "max_steps": 1, "lr": 1e-12}, init=file).fit()
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(array, fresh.state_dict()[name].numpy(), atol=1e-6)
    print("both ways:", ", ".join(weights))


if __name__ == "__main__":
    main()
