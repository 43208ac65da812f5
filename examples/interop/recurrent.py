#!/usr/bin/env python3
"""RNN, LSTM and GRU checkpoints in PyTorch, and PyTorch's weights here. README.md beside this file says how to run it."""

from torch import nn

import common


class Recurrent(nn.Module):
    """`nn.LSTM`, `nn.GRU` or `nn.RNN`, then `nn.Linear` on the top layer's last hidden state, and beside them the linear path where
    the model has one; names as in model.safetensors."""

    def __init__(self, header):
        super().__init__()
        model = header["model"]
        self.shape = (model["horizon"], model["targets"])
        self.instance_norm = model["instance_norm"]
        self.kind = model["kind"]
        sizes = (len(model["channels"]), model["hidden"], model["layers"])
        if self.kind == "lstm":
            self.lstm = nn.LSTM(*sizes, batch_first=True)
        elif self.kind == "gru":
            self.gru = nn.GRU(*sizes, batch_first=True)
        else:
            self.rnn = nn.RNN(*sizes, nonlinearity=model["activation"], batch_first=True)
        self.head = nn.Linear(model["hidden"], model["horizon"] * model["targets"])
        if model["linear_path"] != "none":
            self.linear_path = nn.Linear(model["lookback"], model["horizon"])

    def forward(self, x):
        """x [windows, look-back, channels], targets first -> [windows, horizon, targets]; both in scaled units."""
        horizon, targets = self.shape
        x, shift, scale = common.normalised(x, targets, self.instance_norm)
        output, _ = getattr(self, self.kind)(x)
        output = self.head(output[:, -1])
        if not hasattr(self, "linear_path"):
            return output.view(-1, horizon, targets) * scale + shift
        # Beside a path, the head's rows are target by target.
        path = self.linear_path(x[..., :targets].transpose(1, 2))
        return (output.view(-1, targets, horizon) + path).transpose(1, 2) * scale + shift


TINY = {
    "lstm": "--model lstm --hidden 5 --covariates x --lookback 7 --horizon 2".split(),
    "lstm-2": "--model lstm --hidden 6 --layers 2 --instance-norm mean-std --lookback 7 --horizon 3".split(),
    "gru": "--model gru --hidden 5 --layers 2 --covariates x --lookback 7 --horizon 2".split(),
    "rnn": "--model rnn --hidden 5 --layers 2 --covariates x --lookback 7 --horizon 2".split(),
    "lstm-path": "--model lstm --hidden 5 --linear-path train --target y,x --lookback 7 --horizon 2".split(),
    "lstm-ridge": "--model lstm --hidden 5 --linear-path ridge --covariates x --lookback 7 --horizon 2".split(),
    "rnn-relu": "--model rnn --hidden 5 --activation relu --instance-norm none --lookback 7 --horizon 2".split(),
}

if __name__ == "__main__":
    common.main(__doc__, TINY, Recurrent)
