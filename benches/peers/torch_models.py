"""The models of `benches/common` in PyTorch, as a user would write them; float32, no pruning. Transformers drop values as
published, where asked to: after the positions, at the end of each branch, and between the two layers of a feed-forward block."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Recurrent(nn.Module):
    """The last state of one recurrent layer through a linear one."""

    def __init__(self, kind, inputs, hidden):
        super().__init__()
        self.cell = getattr(nn, kind)(inputs, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


class Attention(nn.Module):
    """Scores of the layer before are added where there are any (residual attention)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, before):
        batch, tokens, width = x.shape
        q, k, v = (f(x).view(batch, tokens, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // self.heads)
        if before is not None:
            scores = scores + before
        y = torch.softmax(scores, -1) @ v
        return self.out(y.transpose(1, 2).reshape(batch, tokens, width)), scores


class BatchNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class Layer(nn.Module):
    """Post-norm."""

    def __init__(self, width, heads, hidden, activation, norm, dropout):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.attention, self.activation = Attention(width, heads), activation
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = norm(width), norm(width)

    def forward(self, x, before):
        y, scores = self.attention(x, before)
        x = self.norm1(x + self.drop(y))
        return self.norm2(x + self.drop(self.down(self.drop(self.activation(self.up(x)))))), scores


class AuthorsPatchTST(nn.Module):
    """All channels in one patch, ReLU, LayerNorm, the mean of all tokens."""

    def __init__(self, channels=8, lookback=60, patch=4, width=128, heads=8, layers=3, hidden=256, dropout=0.0):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.patch, self.embed = patch, nn.Linear(patch * channels, width)
        self.positions = nn.Parameter(torch.randn(1, lookback // patch, width))
        self.layers = nn.ModuleList(Layer(width, heads, hidden, F.relu, nn.LayerNorm, dropout) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, x):
        batch, lookback, channels = x.shape
        x = self.drop(self.embed(x.reshape(batch, lookback // self.patch, self.patch * channels)) + self.positions)
        for layer in self.layers:
            x, _ = layer(x, None)
        return self.head(self.norm(x).mean(1))


class OfficialPatchTST(nn.Module):
    """A sequence per channel, GELU, BatchNorm, residual attention, RevIN; the look-back padded at its end."""

    def __init__(self, lookback=336, patch=16, stride=8, width=128, heads=16, layers=3, hidden=256, horizon=96, dropout=0.0):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.patch, self.stride = patch, stride
        tokens = (lookback - patch) // stride + 2
        self.embed = nn.Linear(patch, width)
        self.positions = nn.Parameter(torch.randn(1, tokens, width) * 0.02)
        self.layers = nn.ModuleList(Layer(width, heads, hidden, F.gelu, BatchNorm, dropout) for _ in range(layers))
        self.head = nn.Linear(width * tokens, horizon)

    def forward(self, x):
        mean, deviation = x.mean(-1, keepdim=True).detach(), (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt().detach()
        x = F.pad((x - mean) / deviation, (0, self.stride), mode="replicate").unfold(-1, self.patch, self.stride)
        x, scores = self.drop(self.embed(x) + self.positions), None
        for layer in self.layers:
            x, scores = layer(x, scores)
        return self.head(x.transpose(1, 2).flatten(1)) * deviation + mean


# name: the model, the shape of its input, that of its target
MODELS = {
    "rnn-64": (lambda: Recurrent("RNN", 8, 64), (64, 30, 8), (64, 1)),
    "lstm-64": (lambda: Recurrent("LSTM", 8, 64), (64, 30, 8), (64, 1)),
    "lstm-256": (lambda: Recurrent("LSTM", 8, 256), (128, 96, 8), (128, 1)),
    "patchtst-authors": (AuthorsPatchTST, (64, 60, 8), (64, 1)),
    "patchtst-official": (OfficialPatchTST, (224, 336), (224, 96)),
}


def step(name, device, compiled, dropout=0.0):
    """A training step: forward, MSE, backward, Adam; its result is waited for."""
    make, inputs, targets = MODELS[name]
    torch.manual_seed(0)
    model = (make(dropout=dropout) if dropout else make()).to(device)
    x, y = torch.randn(inputs, device=device), torch.randn(targets, device=device)
    run = torch.compile(model) if compiled else model
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def once():
        adam.zero_grad()
        loss = F.mse_loss(run(x), y)
        loss.backward()
        adam.step()
        return loss.item()

    return once


def mask_update(name, device):
    """The next mask of a global magnitude prune, vectorised: a hundred weights more."""
    torch.manual_seed(0)
    weights = [w.detach() for n, w in MODELS[name][0]().to(device).named_parameters() if "weight" in n]
    masks = [torch.ones_like(w) for w in weights]

    def once():
        living = torch.cat([w[m > 0].abs() for w, m in zip(weights, masks)])
        cut = torch.kthvalue(living, 100)[0]
        return [m * (w.abs() > cut) for w, m in zip(weights, masks)][0].sum().item()

    return once
