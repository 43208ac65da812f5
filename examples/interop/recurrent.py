#!/usr/bin/env python3
"""RNN, LSTM and GRU checkpoints in PyTorch, and PyTorch's weights here. README.md beside this file says how to run it."""

import torch
from torch import nn

import common


class Decoder(nn.Module):
    """What is added to the forecast of each step: a two-layer network of the last hidden state and of what is known of the step."""

    def __init__(self, hidden, future, units, targets):
        super().__init__()
        self.context, self.future = nn.Linear(hidden, units), nn.Linear(future, units)
        self.output = nn.Linear(units, targets)

    def forward(self, state, known):
        return self.output(torch.relu(self.context(state)[:, None] + self.future(known)))


class Recurrent(nn.Module):
    """`nn.LSTM`, `nn.GRU` or `nn.RNN`, then `nn.Linear` on the top layer's last hidden state. Where the model has them: embeddings of
    categorical columns in place of their codes, the decoder of values that are known ahead, and the linear path. Names as in
    model.safetensors."""

    def __init__(self, header):
        super().__init__()
        model = header["model"]
        self.shape = (model["horizon"], model["targets"])
        self.instance_norm = model["instance_norm"]
        self.kind = model["kind"]
        self.codes = [column["channel"] for column in model.get("categories", [])]
        tables = {}
        for column in model.get("categories", []):
            levels = len(column["levels"])
            width = model.get("embedding_width") or max(1, min(50, int(1.6 * levels**0.56 + 0.5)))
            # The first row is of levels that are not known.
            tables[model["channels"][column["channel"]]] = nn.Embedding(levels + 1, width)
        if tables:
            self.embedding = nn.ModuleDict(tables)
        inputs = len(model["channels"]) - len(tables) + sum(table.embedding_dim for table in tables.values())
        sizes = (inputs, model["hidden"], model["layers"])
        if self.kind == "lstm":
            self.lstm = nn.LSTM(*sizes, batch_first=True)
        elif self.kind == "gru":
            self.gru = nn.GRU(*sizes, batch_first=True)
        else:
            self.rnn = nn.RNN(*sizes, nonlinearity=model["activation"], batch_first=True)
        self.head = nn.Linear(model["hidden"], model["horizon"] * model["targets"])
        future = model.get("future", 0)
        if future > 0:
            self.decoder = Decoder(model["hidden"], future, model["decoder_hidden"], model["targets"])
        if model["linear_path"] != "none":
            self.linear_path = nn.Linear(model["lookback"], model["horizon"])
            if future > 0:
                self.linear_path.future = nn.Linear(future, model["targets"])

    def embedded(self, x):
        """The numbers, then a row of each table."""
        if not self.codes:
            return x
        numbers = [i for i in range(x.shape[-1]) if i not in self.codes]
        rows = [table(x[..., code].long()) for code, table in zip(self.codes, self.embedding.values())]
        return torch.cat([x[..., numbers], *rows], dim=-1)

    def forward(self, x, known=None):
        """x [windows, look-back, channels], targets first, known [windows, horizon, future channels] -> [windows, horizon, targets]; all
        in scaled units."""
        horizon, targets = self.shape
        x, shift, scale = common.normalised(x, targets, self.instance_norm)
        states, _ = getattr(self, self.kind)(self.embedded(x))
        output = self.head(states[:, -1])
        if hasattr(self, "linear_path"):
            # Beside a path, the head's rows are target by target.
            path = self.linear_path(x[..., :targets].transpose(1, 2))
            output = (output.view(-1, targets, horizon) + path).transpose(1, 2)
            if known is not None:
                output = output + self.linear_path.future(known)
        else:
            output = output.view(-1, horizon, targets)
        if known is not None:
            output = output + self.decoder(states[:, -1], known)
        return output * scale + shift


TINY = {
    "lstm": "--model lstm --hidden 5 --covariates x --lookback 7 --horizon 2".split(),
    "lstm-2": "--model lstm --hidden 6 --layers 2 --instance-norm mean-std --lookback 7 --horizon 3".split(),
    "gru": "--model gru --hidden 5 --layers 2 --covariates x --lookback 7 --horizon 2".split(),
    "rnn": "--model rnn --hidden 5 --layers 2 --covariates x --lookback 7 --horizon 2".split(),
    "lstm-path": "--model lstm --hidden 5 --linear-path train --target y,x --lookback 7 --horizon 2".split(),
    "lstm-ridge": "--model lstm --hidden 5 --linear-path ridge --covariates x --lookback 7 --horizon 2".split(),
    "lstm-future": "--model lstm --hidden 5 --future-covariates x --decoder-hidden 6 --lookback 7 --horizon 3".split(),
    "gru-future-path": "--model gru --hidden 5 --future-covariates x --linear-path ridge --lookback 7 --horizon 3".split(),
    "lstm-categorical": "--model lstm --hidden 5 --covariates x --categorical kind --lookback 7 --horizon 2".split(),
    "rnn-categorical": "--model rnn --hidden 5 --categorical kind --embedding-width 5 --future-calendar on --lookback 7 --horizon 2".split(),
    "rnn-relu": "--model rnn --hidden 5 --activation relu --instance-norm none --lookback 7 --horizon 2".split(),
}

if __name__ == "__main__":
    common.main(__doc__, TINY, Recurrent)
