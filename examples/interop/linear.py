#!/usr/bin/env python3
"""NLinear, DLinear and ridge checkpoints in PyTorch, and PyTorch's weights here. README.md beside this file says how to run it."""

import torch
from torch import nn

import common


class Linear(nn.Module):
    """`nn.Linear` of each target's look-back, or of a DLinear two, of its trend and of the rest; names as in model.safetensors and in
    the published LTSF-Linear code."""

    def __init__(self, header):
        super().__init__()
        model = header["model"]
        self.targets, self.instance_norm = model["targets"], model["instance_norm"]
        self.average = model.get("moving_average")
        names = ["Linear"] if self.average is None else ["Linear_Seasonal", "Linear_Trend"]
        for name in names:
            self.add_module(name, nn.Linear(model["lookback"], model["horizon"]))

    def forward(self, x):
        """x [windows, look-back, channels], targets first -> [windows, horizon, targets]; both in scaled units."""
        x, shift, scale = common.normalised(x, self.targets, self.instance_norm)
        x = x[..., : self.targets].transpose(1, 2)
        if self.average is None:
            output = self.Linear(x)
        else:
            half = (self.average - 1) // 2
            ends = [x[..., :1].repeat(1, 1, half), x, x[..., -1:].repeat(1, 1, half)]
            trend = nn.functional.avg_pool1d(torch.cat(ends, dim=-1), self.average, stride=1)
            output = self.Linear_Seasonal(x - trend) + self.Linear_Trend(trend)
        return output.transpose(1, 2) * scale + shift


TINY = {
    "nlinear": "--model nlinear --covariates x --lookback 9 --horizon 2".split(),
    "dlinear": "--model dlinear --lookback 9 --horizon 2".split(),
    "dlinear-3": "--model dlinear --moving-average 3 --target y,x --instance-norm mean-std --lookback 9 --horizon 3".split(),
    "ridge": "--model ridge --lookback 9 --horizon 2".split(),
}

if __name__ == "__main__":
    common.main(__doc__, TINY, Linear)
