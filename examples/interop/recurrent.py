#!/usr/bin/env python3
"""RNN, LSTM and GRU checkpoints in PyTorch, and PyTorch's weights here. README.md beside this file says how to run it."""

import torch
from safetensors.torch import save_file
from torch import nn

import common


class Recurrent(nn.Module):
    """`nn.LSTM`, `nn.GRU` or `nn.RNN`, then `nn.Linear` on the top layer's last hidden state; names as in model.safetensors."""

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

    def forward(self, x):
        """x [windows, look-back, channels], targets first -> [windows, horizon, targets]; both in scaled units."""
        targets = x[..., : self.shape[1]]
        shift, scale = torch.zeros(()), torch.ones(())
        if self.instance_norm == "last":
            shift = targets[:, -1:]
        elif self.instance_norm == "mean-std":
            shift = targets.mean(dim=1, keepdim=True)
            scale = (targets.var(dim=1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        x = torch.cat([(targets - shift) / scale, x[..., self.shape[1] :]], dim=-1)
        output, _ = getattr(self, self.kind)(x)
        return self.head(output[:, -1]).view(-1, *self.shape) * scale + shift


def saved_plain(module, folder):
    save_file(module.state_dict(), folder / "model.safetensors")
    return folder / "model.safetensors"


TINY = {
    "lstm": "--model lstm --hidden 5 --covariates x --lookback 7 --horizon 2".split(),
    "lstm-2": "--model lstm --hidden 6 --layers 2 --instance-norm mean-std --lookback 7 --horizon 3".split(),
    "gru": "--model gru --hidden 5 --layers 2 --covariates x --lookback 7 --horizon 2".split(),
    "rnn": "--model rnn --hidden 5 --layers 2 --covariates x --lookback 7 --horizon 2".split(),
    "rnn-relu": "--model rnn --hidden 5 --activation relu --instance-norm none --lookback 7 --horizon 2".split(),
}

if __name__ == "__main__":
    common.main(__doc__, TINY, Recurrent, saved_plain)
