#!/usr/bin/env python3
"""Writes the golden files of this folder with PyTorch. Run by hand; the tests only read what it wrote.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install torch numpy safetensors
    /tmp/golden/bin/python tests/golden/generate.py

Last run with Python 3.11, torch 2.15.0 (CPU, one thread), numpy 2.4.6, safetensors 0.8.0. README.md beside this file says what
each file holds. Everything is float32, as a user's PyTorch run would be; a float64 shadow of every training run
measures how far rounding alone moves its weights, and the script stops if that is more than NOISE or if a pruning
cut is so close that rounding could choose another weight.
"""

import csv
import datetime
import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

HERE = Path(__file__).parent
STEPS = 20
NOISE = 2e-6
MARGIN = 2e-5


def less_last(x, targets, norm):
    """The windows less the last value of each target, and those values; with `norm` none the windows and 0."""
    if norm == "none":
        return x, torch.zeros((), dtype=x.dtype)
    shift = x[:, -1:, :targets]
    return torch.cat([x[..., :targets] - shift, x[..., targets:]], dim=-1), shift


class Decoder(nn.Module):
    """What is added to the forecast of each step: a two-layer network of the last hidden state and of what is known of the step."""

    def __init__(self, hidden, future, units, targets):
        super().__init__()
        self.context, self.future = nn.Linear(hidden, units), nn.Linear(future, units)
        self.output = nn.Linear(units, targets)

    def forward(self, state, known):
        return self.output(torch.relu(self.context(state)[:, None] + self.future(known)))


class Forecaster(nn.Module):
    """nn.LSTM, nn.GRU or nn.RNN, then nn.Linear on the top layer's last hidden state; with a `path`, plus an nn.Linear of each
    target's look-back of `steps` rows, and one of what is known ahead. The head's rows are then target by target. A frozen path (`ridge`) is not trained, and the
    head beside it starts at zero. The last `future` channels of the rows after the look-back are known: a decoder of `units` reads
    them. Channels after the targets hold codes of so many `levels`, in whose place rows of `width` words are read."""

    def __init__(
        self, kind, channels, hidden, layers, horizon, targets, activation="tanh", *, steps=7, path="none", norm="none",
        future=0, units=0, levels=(), width=0,
    ):
        super().__init__()
        self.steps, self.future = steps, future
        self.shape = (horizon, targets)
        self.kind, self.path, self.norm = kind, path, norm
        self.levels = levels
        if levels:
            tables = [nn.Embedding(count + 1, width, padding_idx=0) for count in levels]
            self.embedding = nn.ModuleDict({f"k{i}": table for i, table in enumerate(tables)})
            channels += len(levels) * (width - 1)
        if kind == "lstm":
            self.lstm = nn.LSTM(channels, hidden, layers, batch_first=True)
        elif kind == "gru":
            self.gru = nn.GRU(channels, hidden, layers, batch_first=True)
        else:
            self.rnn = nn.RNN(channels, hidden, layers, nonlinearity=activation, batch_first=True)
        self.head = nn.Linear(hidden, horizon * targets)
        if future > 0:
            self.decoder = Decoder(hidden, future, units, targets)
        if path != "none":
            self.linear_path = nn.Linear(steps, horizon)
            if future > 0:
                self.linear_path.future = nn.Linear(future, targets)
        if path == "ridge":
            for layer in [self.head] + ([self.decoder.output] if future > 0 else []):
                nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
            self.linear_path.requires_grad_(False)

    def forward(self, x):
        horizon, targets = self.shape
        known = x[:, self.steps :, x.shape[2] - self.future :]
        x, shift = less_last(x[:, : self.steps], targets, self.norm)
        if self.levels:
            codes = x[..., targets : targets + len(self.levels)].long()
            numbers = torch.cat([x[..., :targets], x[..., targets + len(self.levels) :]], dim=-1)
            x = torch.cat([numbers] + [table(codes[..., i]) for i, table in enumerate(self.embedding.values())], dim=-1)
        states, _ = getattr(self, self.kind)(x)
        output = self.head(states[:, -1])
        if self.path == "none":
            output = output.view(-1, horizon, targets)
        else:
            output = output.view(-1, targets, horizon) + self.linear_path(x[..., :targets].transpose(1, 2))
            output = output.transpose(1, 2)
        if self.future > 0 and self.path != "none":
            output = output + self.linear_path.future(known)
        if self.future > 0:
            output = output + self.decoder(states[:, -1], known)
        return output + shift


class Linear(nn.Module):
    """NLinear and DLinear of the published LTSF-Linear code (individual=False), on the targets. NLinear's last value is the norm's."""

    def __init__(self, kind, steps, horizon, targets, average=25, *, norm="none"):
        super().__init__()
        self.targets, self.average, self.norm = targets, average, norm
        names = ["Linear"] if kind == "nlinear" else ["Linear_Seasonal", "Linear_Trend"]
        for name in names:
            self.add_module(name, nn.Linear(steps, horizon))

    def forward(self, x):
        x, shift = less_last(x, self.targets, self.norm)
        x = x[..., : self.targets].transpose(1, 2)
        if hasattr(self, "Linear"):
            return self.Linear(x).transpose(1, 2) + shift
        half = (self.average - 1) // 2
        ends = [x[..., :1].repeat(1, 1, half), x, x[..., -1:].repeat(1, 1, half)]
        trend = nn.functional.avg_pool1d(torch.cat(ends, dim=-1), self.average, stride=1)
        return (self.Linear_Seasonal(x - trend) + self.Linear_Trend(trend)).transpose(1, 2) + shift


# Constants of src/program/constants.rs.
SHARPNESS, LINK_MARGIN, MEAN_FLOOR, DISPERSION_FLOOR, SCALE_FLOOR = 4.0, 0.01, 1e-6, 1e-4, 1e-3


class Probabilistic(nn.Module):
    """nn.LSTM, and on its last hidden state nn.Linear layers: `head` of the first output u of each value, the location, and `spread` of
    the others, r. Windows are read less their last value, which u gets back. With the link `above` (0), targets are read as its inverse,
    and quantiles and means are g(u).

    An output holds of each value what the model says of it: quantiles, or parameters of a distribution. Counts are `deviation` times the
    scaled values."""

    def __init__(self, objective, channels, hidden, horizon, targets, *, levels=None, link=None, deviation=1.0):
        super().__init__()
        self.objective, self.levels, self.link, self.deviation = objective, levels, link, deviation
        self.shape, self.nearest = (horizon, targets), math.inf
        outputs = len(levels) if levels else {"poisson": 1, "negative-binomial": 2, "student-t": 3}[objective]
        self.lstm = nn.LSTM(channels, hidden, batch_first=True)
        self.head = nn.Linear(hidden, horizon * targets)
        if outputs > 1:
            self.spread = nn.Linear(hidden, (outputs - 1) * horizon * targets)

    def bounded(self, u):
        return nn.functional.softplus(SHARPNESS * u) / SHARPNESS if self.link else u

    def forward(self, x):
        targets = self.shape[1]
        if self.link:
            y = x[..., :targets].clamp(min=LINK_MARGIN)
            x = torch.cat([y + torch.log1p(-torch.exp(-SHARPNESS * y)) / SHARPNESS, x[..., targets:]], dim=-1)
        x, shift = less_last(x, targets, "last")
        state = self.lstm(x)[0][:, -1]
        u = self.head(state).view(-1, *self.shape) + shift
        softplus = nn.functional.softplus
        raw = self.spread(state).view(len(x), -1, *self.shape).unbind(1) if hasattr(self, "spread") else ()
        if self.objective == "quantile":
            middle = len(self.levels) // 2
            above, below = [u], [u]
            for j in range(middle):
                above.append(above[-1] + softplus(raw[middle + j]))
                below.append(below[-1] - softplus(raw[middle - 1 - j]))
            return self.bounded(torch.stack(below[:0:-1] + above, dim=-1))
        if self.objective == "student-t":
            return torch.stack([u, softplus(raw[0]) + SCALE_FLOOR, 2 + softplus(raw[1])], dim=-1)
        mean = self.bounded(u) + MEAN_FLOOR
        return torch.stack([mean] + [softplus(one) + DISPERSION_FLOOR for one in raw], dim=-1)

    def loss(self, output, y):
        if self.objective == "quantile":
            level = torch.tensor(self.levels, dtype=y.dtype)
            error = y[..., None] - output
            # Where it is 0, rounding would choose the side.
            self.nearest = min(self.nearest, error.detach().abs().min().item())
            return 2 * torch.maximum(level * error, (level - 1) * error).mean()
        first, *others = output.unbind(-1)
        if self.objective == "student-t":
            return -torch.distributions.StudentT(others[1], first, others[0]).log_prob(y).mean()
        mean, count = self.deviation * first, (self.deviation * y).round()
        if self.objective == "poisson":
            return -torch.distributions.Poisson(mean).log_prob(count).mean()
        r = 1 / others[0]
        return -torch.distributions.NegativeBinomial(r, logits=torch.log(mean / r)).log_prob(count).mean()


def prunable(model):
    """The matrices that are pruned, in arena order: layer by layer weight_ih, weight_hh, then head.weight and the decoder's, but for what
    starts at zero beside a frozen path; of a linear model all."""
    frozen = ["head", "decoder.output"]
    tables = [f"embedding.k{i}" for i in range(len(getattr(model, "levels", ())))]
    path = ["linear_path", "linear_path.future"]
    spared = {"none": [], "train": path, "ridge": path + frozen}[getattr(model, "path", "none")]
    matrices = [(name, p) for name, p in model.named_parameters() if ".weight" in name]
    return [(name, p) for name, p in matrices if name.rsplit(".", 1)[0] not in spared + tables]


def train(model, batches, lr, *, counts=None, l2=0.0, weight_decay=0.0, clip=None):
    """Adam over the batches. `counts[n]` (steps from 1) is how many prunable weights are 0 after step n.

    Order inside a step: forward, loss, backward, select and mask (on the weights before the update), clip, Adam.
    """
    matrices = prunable(model)
    if isinstance(model, Forecaster):
        assert [n.rsplit("_l", 1)[0].rsplit(".", 1)[-1] for n, _ in matrices][:2] == ["weight_ih", "weight_hh"]
    decayed = [p for _, p in matrices]
    others = [p for p in model.parameters() if p.requires_grad and not any(p is one for one in decayed)]
    kind = torch.optim.AdamW if weight_decay else torch.optim.Adam
    groups = [{"params": decayed, "weight_decay": weight_decay or l2}, {"params": others, "weight_decay": 0.0}]
    optimizer = kind(groups, lr=lr)
    masks = [torch.ones_like(p, dtype=torch.bool) for p in decayed]
    record = {"losses": [], "masks": masks, "margin": math.inf, "grads": None, "output": None, "norms": []}
    for n, (x, y) in enumerate(batches, start=1):
        optimizer.zero_grad(set_to_none=False)
        output = model(x)
        loss = model.loss(output, y) if isinstance(model, Probabilistic) else nn.functional.mse_loss(output, y)
        loss.backward()
        record["losses"].append(loss.item())
        if n == 1:
            record["output"] = output.detach().clone()
            grads = [(name, torch.zeros_like(p) if p.grad is None else p.grad) for name, p in model.named_parameters()]
            record["grads"] = {name: grad.detach().clone() for name, grad in grads}
        if counts and n in counts:
            k = counts[n]
            size = torch.cat([p.detach().abs().flatten() for p in decayed])
            living = torch.cat([m.flatten() for m in masks])
            key = torch.where(living, size, -torch.ones_like(size))
            order = torch.sort(key, stable=True).indices
            flat = torch.ones_like(living)
            flat[order[:k]] = False
            assert not (flat & ~living).any(), "a pruned weight came back"
            if 0 < k < len(key) and k > int((~living).sum()):
                record["margin"] = min(record["margin"], (key[order[k]] - key[order[k - 1]]).item())
            for mask, part in zip(masks, flat.split([m.numel() for m in masks])):
                mask.copy_(part.view_as(mask))
        for p, mask in zip(decayed, masks):
            p.grad[~mask] = 0.0
        if clip is not None:
            record["norms"].append(nn.utils.clip_grad_norm_(model.parameters(), clip).item())
        optimizer.step()
        with torch.no_grad():
            for p, mask in zip(decayed, masks):
                p[~mask] = 0.0
                optimizer.state[p]["exp_avg"][~mask] = 0.0
                optimizer.state[p]["exp_avg_sq"][~mask] = 0.0
    return record


def twice(make, batches, lr, **options):
    """Trains in float32 and in float64 from the same weights; returns the float32 run after checking its noise."""
    single = make()
    shadow = make().double()
    record = train(single, batches, lr, **options)
    double = train(shadow, [(x.double(), y.double()) for x, y in batches], lr, **options)
    noise = max((a.double() - b).abs().max().item() for a, b in zip(single.parameters(), shadow.parameters()))
    return single, record, noise, all((a == b).all() for a, b in zip(record["masks"], double["masks"]))


def settled(record, noise, same):
    return noise < NOISE and same and record["margin"] > MARGIN


def run_tensors(prefix, model, record):
    tensors = {f"{prefix}.losses": np.array(record["losses"], np.float32)}
    for name, p in model.named_parameters():
        tensors[f"{prefix}.after.{name}"] = p.detach().numpy().copy()
    return tensors


def mask_tensors(prefix, model, record):
    names = [name for name, _ in prunable(model)]
    return {f"{prefix}.mask.{name}": mask.numpy().astype(np.uint8) for name, mask in zip(names, record["masks"])}


def write(path, tensors, metadata):
    # One entry: safetensors writes several in no fixed order, and the same run should write the same bytes.
    text = {"golden": json.dumps(metadata, sort_keys=True)}
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, HERE / path, metadata=text)
    print(f"{path}: {(HERE / path).stat().st_size} bytes")


def model_case(
    file, kind, hidden, layers, *, activation="tanh", channels=3, batch=4, steps=7, horizon=2, targets=1, **settings
):
    """One model, trained in several ways from the same weights on the same 20 batches. `settings`: path, norm, and future
    channels with the units of their decoder; of a dlinear the average."""
    lr, l2, weight_decay, clip = 1e-2, 0.05, 0.1, 0.4
    schedule = {5: 0.3, 10: 0.35, 15: 0.5, 20: 0.7}

    def build():
        if kind in ("nlinear", "dlinear"):
            return Linear(kind, steps, horizon, targets, **settings)
        return Forecaster(kind, channels, hidden, layers, horizon, targets, activation, steps=steps, **settings)

    for seed in range(1, 1000):
        torch.manual_seed(seed)
        initial = build().state_dict()
        rows = steps + (horizon if settings.get("future") else 0)
        batches = [(torch.randn(batch, rows, channels), torch.randn(batch, horizon, targets)) for _ in range(STEPS)]
        for i, count in enumerate(settings.get("levels", ())):
            for x, _ in batches:
                x[..., targets + i] = torch.randint(1, count + 1, (batch, rows)).float()

        def make():
            model = build()
            model.load_state_dict(initial)
            return model

        total = sum(p.numel() for _, p in prunable(make()))
        counts = {n: math.floor(s * total + 1e-6) for n, s in schedule.items()}
        ways = {
            "plain": {},
            "pruned": {"counts": counts},
            "l2": {"l2": l2},
            "weight_decay": {"weight_decay": weight_decay},
            "clipped": {"clip": clip, "counts": counts},
        }
        runs = {way: twice(make, batches, lr, **options) for way, options in ways.items()}
        if all(settled(*run[1:]) for run in runs.values()):
            break
    else:
        raise SystemExit(f"{file}: no seed keeps the cuts apart")
    record = runs["plain"][1]
    tensors = {
        "inputs": torch.stack([x for x, _ in batches]).numpy(),
        "targets": torch.stack([y for _, y in batches]).numpy(),
        "output": record["output"].numpy(),
    }
    tensors |= {f"init.{name}": value.numpy() for name, value in initial.items()}
    tensors |= {f"grad.{name}": value.numpy() for name, value in record["grads"].items()}
    for way, (model, record, _, _) in runs.items():
        tensors |= run_tensors(way, model, record)
        if "counts" in ways[way]:
            tensors |= mask_tensors(way, model, record)
    tensors["clipped.norms"] = np.array(runs["clipped"][1]["norms"], np.float32)
    write(
        f"{file}.safetensors",
        tensors,
        {
            "kind": kind, "activation": activation, "hidden": hidden, "layers": layers, "channels": channels,
            "batch": batch, "steps": steps, "horizon": horizon, "targets": targets, "lr": lr, "l2": l2,
            "weight_decay": weight_decay, "clip": clip, "prunable": total,
            "counts": [counts.get(n, 0) for n in range(1, STEPS + 1)],
            "noise": max(run[2] for run in runs.values()), "seed": seed, "torch": torch.__version__, **settings,
        },
    )


def probabilistic_case(file, objective, *, channels=3, hidden=5, batch=4, steps=7, horizon=2, targets=2, **settings):
    """One LSTM that forecasts quantiles or a distribution, trained from some weights on 20 batches. `settings`: levels, link, and of counts
    the deviation that scales them."""
    lr, deviation = 1e-2, settings.get("deviation", 1.0)
    positive = settings.get("link") is not None

    def values(*shape):
        if "deviation" in settings:
            return torch.poisson(torch.full(shape, 1.25 * deviation)) / deviation
        return torch.rand(shape) * 2 if positive else torch.randn(shape)

    def build():
        return Probabilistic(objective, channels, hidden, horizon, targets, **settings)

    for seed in range(1, 1000):
        torch.manual_seed(seed)
        initial = build().state_dict()
        batches = []
        for _ in range(STEPS):
            x = torch.cat([values(batch, steps, targets), torch.randn(batch, steps, channels - targets)], dim=-1)
            batches.append((x, values(batch, horizon, targets)))

        def make():
            model = build()
            model.load_state_dict(initial)
            return model

        model, record, noise, same = twice(make, batches, lr)
        if settled(record, noise, same) and model.nearest > MARGIN:
            break
    else:
        raise SystemExit(f"{file}: no seed keeps rounding apart")
    tensors = {
        "inputs": torch.stack([x for x, _ in batches]).numpy(),
        "targets": torch.stack([y for _, y in batches]).numpy(),
        "output": record["output"].numpy(),
    }
    tensors |= {f"init.{name}": value.numpy() for name, value in initial.items()}
    tensors |= {f"grad.{name}": value.numpy() for name, value in record["grads"].items()}
    tensors |= run_tensors("plain", model, record)
    write(
        f"{file}.safetensors",
        tensors,
        {
            "kind": "lstm", "activation": "tanh", "hidden": hidden, "layers": 1, "channels": channels, "batch": batch, "steps": steps,
            "horizon": horizon, "targets": targets, "lr": lr, "norm": "last", "objective": objective, "noise": noise, "seed": seed,
            "torch": torch.__version__, **settings,
        },
    )


def losses():
    torch.manual_seed(7)
    prediction = torch.randn(4, 3, 2) * 1.5
    target = torch.randn(4, 3, 2)
    prediction[0, 0, 0] = target[0, 0, 0]
    prediction[0, 0, 1], target[0, 0, 1] = 1.5, 0.5
    weight = (torch.rand(4, 3, 2) > 0.3).float()
    tensors = {"prediction": prediction.numpy(), "target": target.numpy(), "weight": weight.numpy()}
    kinds = {"mse": nn.functional.mse_loss, "mae": nn.functional.l1_loss, "huber": nn.functional.huber_loss}
    for kind, function in kinds.items():
        for name, w in {"all": torch.ones_like(weight), "observed": weight}.items():
            leaf = prediction.clone().requires_grad_()
            loss = (function(leaf, target, reduction="none") * w).sum() / w.sum()
            if name == "all":
                assert torch.allclose(loss, function(leaf, target))
            loss.backward()
            tensors[f"{kind}.{name}.loss"] = np.array([loss.item()], np.float32)
            tensors[f"{kind}.{name}.grad"] = leaf.grad.numpy()
    write("losses.safetensors", tensors, {"delta": 1.0, "torch": torch.__version__})


def clipping():
    torch.manual_seed(11)
    grads = {"a": torch.randn(6, 5), "b": torch.randn(70), "c": torch.randn(3, 1) * 1e-3}
    tensors = {f"grad.{name}": value.numpy().copy() for name, value in grads.items()}
    norms = {}
    for limit in (0.5, 1000.0):
        parameters = [nn.Parameter(torch.zeros_like(value)) for value in grads.values()]
        for p, value in zip(parameters, grads.values()):
            p.grad = value.clone()
        norms[str(limit)] = nn.utils.clip_grad_norm_(parameters, limit).item()
        for name, p in zip(grads, parameters):
            tensors[f"clipped_{limit}.{name}"] = p.grad.numpy()
    write("clipping.safetensors", tensors, {"norms": norms, "torch": torch.__version__})


def schedules():
    tensors = {}
    for total in (1, 2, 5, 20, 37, 200):
        model = nn.Linear(1, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=total)
        lr, beta1 = [], []
        for n in range(total):
            lr.append(optimizer.param_groups[0]["lr"])
            beta1.append(optimizer.param_groups[0]["betas"][0])
            optimizer.step()
            if n + 1 < total:
                scheduler.step()
        tensors[f"one_cycle.{total}.lr"] = np.array(lr, np.float64)
        tensors[f"one_cycle.{total}.beta1"] = np.array(beta1, np.float64)
    for epochs, size in ((20, 7), (9, 3), (2, 1)):
        optimizer = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=1e-3)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=size, gamma=0.1)
        lr = []
        for _ in range(epochs):
            lr.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        tensors[f"step.{epochs}.{size}.lr"] = np.array(lr, np.float64)
    write("schedules.safetensors", tensors, {"max_lr": 1e-3, "pct_start": 0.3, "torch": torch.__version__})


def tiny_series(rows=60):
    """A weekly wave with a drift and a covariate that leads it, written with two decimals."""
    rng = np.random.default_rng(3)
    t = np.arange(rows)
    x = 4.0 * np.cos(2 * np.pi * (t + 1) / 7) + rng.normal(0.0, 0.5, rows)
    y = 20.0 + 0.1 * t + 5.0 * np.sin(2 * np.pi * t / 7) + 0.3 * x + rng.normal(0.0, 0.7, rows)
    first = datetime.date(2024, 1, 1)
    with open(HERE / "tiny.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date", "y", "x"])
        for i in range(rows):
            writer.writerow([(first + datetime.timedelta(days=i)).isoformat(), f"{y[i]:.2f}", f"{x[i]:.2f}"])
    with open(HERE / "tiny.csv", newline="") as file:
        return np.array([[float(row["y"]), float(row["x"])] for row in csv.DictReader(file)])


def run_case(file, series, kind, hidden, layers, pruned):
    """What `microglia train --data tiny.csv` must reproduce, see README.md."""
    lookback, horizon, batch, lr, epochs = 7, 2, 8, 1e-2, 4
    train_rows = math.floor(0.7 * len(series))
    mean, std = series[:train_rows].mean(axis=0), series[:train_rows].std(axis=0)
    scaled = torch.tensor((series - mean) / std, dtype=torch.float32)
    windows = train_rows - lookback - horizon + 1
    starts = [list(range(first, min(first + batch, windows))) for first in range(0, windows, batch)]
    epoch = [
        (torch.stack([scaled[w : w + lookback] for w in rows]),
         torch.stack([scaled[w + lookback : w + lookback + horizon, :1] for w in rows]))
        for rows in starts
    ]
    per_epoch = len(epoch)
    assert per_epoch * epochs == STEPS
    batches = epoch * epochs
    low, high, warmup, every = 0.2, 0.6, 2, 7
    for seed in range(1, 1000):
        torch.manual_seed(seed)
        initial = Forecaster(kind, 2, hidden, layers, horizon, 1).state_dict()

        def make():
            model = Forecaster(kind, 2, hidden, layers, horizon, 1)
            model.load_state_dict(initial)
            return model

        total = sum(p.numel() for _, p in prunable(make()))
        counts = {}
        for e in range(warmup, epochs + 1):
            p = min(max((e - warmup) / (epochs - warmup), 0.0), 1.0)
            k = math.floor((low + (high - low) * p**3) * total + 1e-6)
            steps = range((e - 1) * per_epoch + 1, e * per_epoch + 1)
            for n in [n for n in steps if n % every == 0] or [steps[-1]]:
                counts[n] = k
        runs = {"plain": twice(make, batches, lr)}
        if pruned:
            runs["pruned"] = twice(make, batches, lr, counts=counts)
        if all(settled(*run[1:]) for run in runs.values()):
            break
    else:
        raise SystemExit(f"{file}: no seed keeps the cuts apart")
    metadata = {
        "kind": kind, "hidden": hidden, "layers": layers, "lookback": lookback, "horizon": horizon, "batch": batch,
        "lr": lr, "epochs": epochs, "scaler_mean": mean.tolist(), "scaler_std": std.tolist(), "windows": windows,
        "noise": max(run[2] for run in runs.values()), "seed": seed, "torch": torch.__version__,
    }
    if pruned:
        metadata |= {"sparsity": f"{low}..{high}", "warmup": warmup, "prune_every": every, "prune_until": epochs,
                     "prunable": total, "counts": [counts.get(n, 0) for n in range(1, STEPS + 1)]}
    tensors = {}
    for way, (model, record, _, _) in runs.items():
        tensors |= run_tensors(way, model, record)
        if way == "pruned":
            tensors |= mask_tensors(way, model, record)
    write(f"{file}.init.safetensors", {name: value.numpy() for name, value in initial.items()}, {"format": "pt"})
    write(f"{file}.safetensors", tensors, metadata)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model_case("rnn_tanh_1", "rnn", 8, 1)
    model_case("rnn_tanh_2", "rnn", 5, 2)
    model_case("rnn_relu_1", "rnn", 5, 1, activation="relu")
    model_case("lstm_1", "lstm", 5, 1)
    model_case("lstm_2", "lstm", 5, 2)
    model_case("lstm_1_two_targets", "lstm", 8, 1, channels=4, batch=3, steps=5, horizon=3, targets=2)
    model_case("gru_1", "gru", 5, 1)
    model_case("gru_2", "gru", 5, 2)
    model_case("lstm_path", "lstm", 5, 1, targets=2, norm="last", path="train")
    model_case("lstm_path_frozen", "lstm", 5, 1, targets=2, norm="last", path="ridge")
    model_case("lstm_future", "lstm", 5, 1, channels=5, targets=2, horizon=3, norm="last", future=2, units=6)
    model_case("lstm_future_path", "lstm", 4, 1, channels=4, targets=2, horizon=3, norm="last", path="ridge", future=2, units=5)
    model_case("lstm_embedding", "lstm", 5, 1, channels=5, targets=2, norm="last", levels=(3, 7), width=4)
    model_case("nlinear", "nlinear", 1, 1, channels=1, steps=9, norm="last")
    model_case("dlinear", "dlinear", 1, 1, channels=1, steps=30, average=25)
    model_case("dlinear_two_targets", "dlinear", 1, 1, batch=3, targets=2, norm="last", average=25)
    probabilistic_case("quantiles", "quantile", levels=[0.125, 0.25, 0.5, 0.75, 0.875])
    probabilistic_case("quantiles_above", "quantile", levels=[0.125, 0.5, 0.875], link="above")
    probabilistic_case("poisson", "poisson", link="above", deviation=4.0)
    probabilistic_case("negative_binomial", "negative-binomial", link="above", deviation=4.0)
    probabilistic_case("student_t", "student-t")
    losses()
    clipping()
    schedules()
    series = tiny_series()
    run_case("run_lstm", series, "lstm", 5, 1, pruned=True)
    run_case("run_rnn", series, "rnn", 8, 2, pruned=False)


if __name__ == "__main__":
    main()
