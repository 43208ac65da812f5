#!/usr/bin/env python3
"""Writes the PatchTST golden files of this folder. Run by hand; the tests only read what it wrote.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install torch numpy safetensors transformers
    /tmp/golden/bin/python tests/golden/generate_patchtst.py

Last run with Python 3.11, torch 2.15.0 (CPU, one thread), transformers 5.23.0, numpy 2.4.6, safetensors 0.8.0.
`hf` is transformers' own PatchTSTForPrediction; `official` and `authors` are the modules below, whose weights bear its
names. Everything runs in train mode with dropout 0, in float32; a float64 shadow of every run tells which gradients
are zero by symmetry (`zero`), and which running means drift with the rounding noise that Adam makes of those (`drift`).
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from transformers import PatchTSTConfig, PatchTSTForPrediction

HERE = Path(__file__).parent
STEPS = 10
LR = 1e-3
NOISE = 2e-5


class Norm(nn.Module):
    """BatchNorm over the feature dimension, under the name transformers gives it."""

    def __init__(self, width):
        super().__init__()
        self.batchnorm = nn.BatchNorm1d(width)

    def forward(self, x):
        return self.batchnorm(x.transpose(1, 2)).transpose(1, 2)


def make_norm(kind, width):
    return Norm(width) if kind == "batch" else nn.LayerNorm(width)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, nn.Linear(width, width))

    def forward(self, x, before):
        s, n, d = x.shape
        q, k, v = (p(x).view(s, n, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        scores = q @ k.transpose(2, 3) * (d // self.heads) ** -0.5
        if before is not None:
            scores = scores + before
        mixed = scores.softmax(dim=-1) @ v
        return self.out_proj(mixed.transpose(1, 2).reshape(s, n, d)), scores


class Layer(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.pre, self.residual = o["norm_position"] == "pre", o["variant"] == "official"
        self.self_attn = Attention(o["d_model"], o["heads"])
        self.norm_sublayer1 = make_norm(o["norm"], o["d_model"])
        activation = nn.GELU() if o["ff_activation"] == "gelu" else nn.ReLU()
        self.ff = nn.Sequential(
            nn.Linear(o["d_model"], o["ff"]), activation, nn.Identity(), nn.Linear(o["ff"], o["d_model"])
        )
        self.norm_sublayer3 = make_norm(o["norm"], o["d_model"])

    def forward(self, x, scores):
        before = scores if self.residual else None
        if self.pre:
            mixed, scores = self.self_attn(self.norm_sublayer1(x), before)
            x = x + mixed
            return x + self.ff(self.norm_sublayer3(x)), scores
        mixed, scores = self.self_attn(x, before)
        x = self.norm_sublayer1(x + mixed)
        return self.norm_sublayer3(x + self.ff(x)), scores


class Ours(nn.Module):
    """`official` (Nie et al., ICLR 2023) and `authors` (the encoder of the synaptic-pruning paper). Channels after the targets hold codes
    of so many `levels`, in whose place `authors` reads rows of `width` words, behind all numbers."""

    def __init__(self, o):
        super().__init__()
        self.o = o
        by_channel = o["variant"] == "official"
        room = o["lookback"] - o["patch"]
        tokens = room // o["stride"] + 2 if by_channel else -(-room // o["stride"]) + 1
        encoder = nn.Module()
        encoder.embedder = nn.Module()
        tables = [nn.Embedding(count + 1, o["width"], padding_idx=0) for count in o["levels"]]
        if tables:
            self.embedding = nn.ModuleDict({f"k{i}": table for i, table in enumerate(tables)})
        channels = 1 if by_channel else o["channels"] + len(tables) * (o["width"] - 1)
        encoder.embedder.input_embedding = nn.Linear(o["patch"] * channels, o["d_model"])
        encoder.positional_encoder = nn.Module()
        encoder.positional_encoder.position_enc = nn.Parameter(torch.randn(tokens, o["d_model"]))
        encoder.layers = nn.ModuleList(Layer(o) for _ in range(o["layers"]))
        if not by_channel:
            encoder.norm = make_norm(o["norm"], o["d_model"])
        self.model = nn.Module()
        self.model.encoder = encoder
        inputs = o["d_model"] * (tokens if o["pool"] == "flatten" else 1)
        self.head = nn.Module()
        self.head.projection = nn.Linear(inputs, o["horizon"] if by_channel else o["horizon"] * o["targets"])
        if o["revin_affine"]:
            self.revin = nn.Module()
            self.revin.affine_weight = nn.Parameter(1 + 0.3 * torch.randn(o["channels"]))
            self.revin.affine_bias = nn.Parameter(0.3 * torch.randn(o["channels"]))

    def forward(self, x):
        o, encoder = self.o, self.model.encoder
        by_channel = o["variant"] == "official"
        if by_channel:
            mean = x.mean(dim=1, keepdim=True).detach()
            scale = (x.var(dim=1, keepdim=True, unbiased=False) + 1e-5).sqrt().detach()
            x = (x - mean) / scale
            if o["revin_affine"]:
                x = x * self.revin.affine_weight + self.revin.affine_bias
            x = nn.functional.pad(x.transpose(1, 2), (0, o["stride"]), mode="replicate")
            x = x.unfold(-1, o["patch"], o["stride"]).flatten(0, 1)  # [B·C, N, patch]
        else:
            if o["levels"]:
                first = o["targets"]
                end = first + len(o["levels"])
                codes, numbers = x[..., first:end].long(), torch.cat([x[..., :first], x[..., end:]], dim=-1)
                rows = [table(codes[..., i]) for i, table in enumerate(self.embedding.values())]
                x = torch.cat([numbers] + rows, dim=-1)
            missing = (o["patch"] - o["lookback"]) % o["stride"]
            x = nn.functional.pad(x.transpose(1, 2), (0, missing), mode="replicate")
            x = x.unfold(-1, o["patch"], o["stride"]).permute(0, 2, 3, 1).flatten(2)  # [B, N, patch·C]
        x = encoder.embedder.input_embedding(x) + encoder.positional_encoder.position_enc
        scores = None
        for layer in encoder.layers:
            x, scores = layer(x, scores)
        if not by_channel:
            x = encoder.norm(x)
        if o["pool"] == "mean":
            x = x.mean(dim=1)
        else:
            x = (x.transpose(1, 2) if by_channel else x).flatten(1)
        x = self.head.projection(x)
        if not by_channel:
            return x.view(-1, o["horizon"], o["targets"])
        x = x.view(-1, o["targets"], o["horizon"]).transpose(1, 2)
        if o["revin_affine"]:
            x = (x - self.revin.affine_bias) / (self.revin.affine_weight + 1e-10)
        return x * scale + mean


class HuggingFace(nn.Module):
    """transformers' own, with the names of its state dict."""

    def __init__(self, o):
        super().__init__()
        config = PatchTSTConfig(
            num_input_channels=o["channels"], context_length=o["lookback"], patch_length=o["patch"],
            patch_stride=o["stride"], prediction_length=o["horizon"], num_hidden_layers=o["layers"],
            d_model=o["d_model"], num_attention_heads=o["heads"], ffn_dim=o["ff"], share_embedding=True,
            norm_type=f"{o['norm']}norm", pre_norm=o["norm_position"] == "pre", activation_function=o["ff_activation"],
            positional_encoding_type=o["positions"], scaling="std", use_cls_token=False, loss="mse",
            pooling_type="mean" if o["pool"] == "mean" else None, do_mask_input=False, channel_attention=False,
            attention_dropout=0.0, positional_dropout=0.0, path_dropout=0.0, ff_dropout=0.0, head_dropout=0.0,
        )
        self.inner = PatchTSTForPrediction(config)

    def forward(self, x):
        return self.inner(past_values=x).prediction_outputs

    def named_parameters(self, *args, **kwargs):
        return self.inner.named_parameters()

    def state_dict(self, *args, **kwargs):
        return self.inner.state_dict()

    def load_state_dict(self, state):
        return self.inner.load_state_dict(state)


def train(model, batches):
    model.train()
    optimizer = torch.optim.Adam([p for _, p in model.named_parameters()], lr=LR)
    record = {}
    for n, (x, y) in enumerate(batches, start=1):
        optimizer.zero_grad(set_to_none=False)
        output = model(x)
        nn.functional.mse_loss(output, y).backward()
        if n == 1:
            record["output"] = output.detach().clone()
            record["grads"] = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
            record["running1"] = running(model)
        optimizer.step()
    record["after"] = {k: p.detach().clone() for k, p in model.named_parameters()}
    record["running"] = running(model)
    model.eval()
    record["evaluated"] = model(batches[0][0]).detach().clone()
    return record


def running(model):
    return {k: v.clone() for k, v in model.state_dict().items() if "running_" in k or k.endswith("num_batches_tracked")}


def case(file, **changes):
    o = {
        "variant": "official", "patch": 4, "stride": 3, "d_model": 8, "heads": 2, "ff": 12, "layers": 2,
        "norm": "batch", "norm_position": "post", "ff_activation": "gelu", "positions": "learned", "pool": "flatten",
        "revin_affine": False, "lookback": 12, "horizon": 3, "channels": 3, "targets": 3, "batch": 4,
        "levels": [], "width": 0,
    } | changes
    make = HuggingFace if o["variant"] == "hf" else Ours
    for seed in range(1, 100):
        tensors, metadata = run(make, o, seed)
        if metadata["noise"] < NOISE:
            break
    else:
        raise SystemExit(f"{file}: no seed keeps rounding out of the weights")
    text = {"golden": json.dumps(metadata, sort_keys=True)}
    arrays = {k: np.ascontiguousarray(v.numpy()).reshape(v.shape) for k, v in tensors.items()}
    save_file(arrays, HERE / f"{file}.safetensors", metadata=text)
    print(f"{file}: {(HERE / f'{file}.safetensors').stat().st_size} bytes, seed {seed}")


def run(make, o, seed):
    torch.manual_seed(seed)
    first = make(o)
    with torch.no_grad():
        for name, p in first.named_parameters():
            # Large enough that attention is far from even, and nothing is where it was initialised.
            if name.startswith("embedding."):
                p[1:].normal_(0, 0.4)
            elif p.dim() == 2 and "position" not in name:
                p.normal_(0, 0.4)
            elif "position" not in name and "revin" not in name:
                p.add_(torch.randn_like(p) * 0.2)
    initial = {k: v.clone() for k, v in first.state_dict().items()}
    batches = [
        (torch.randn(o["batch"], o["lookback"], o["channels"]).cumsum(1),
         torch.randn(o["batch"], o["horizon"], o["targets"]))
        for _ in range(STEPS)
    ]
    for i, count in enumerate(o["levels"]):
        for x, _ in batches:
            x[..., o["targets"] + i] = torch.randint(1, count + 1, x.shape[:2]).to(x.dtype)
    single, shadow = make(o), make(o)
    single.load_state_dict(initial)
    shadow.load_state_dict(initial)
    shadow.double()
    record = train(single, batches)
    double = train(shadow, [(x.double(), y.double()) for x, y in batches])
    largest = max(g.abs().max().item() for g in double["grads"].values())
    zero = sorted(k for k, g in double["grads"].items() if g.abs().max().item() < 1e-9 * largest)
    off = {k: (v.double() - double["after"][k]).abs().max().item() for k, v in record["after"].items() if k not in zero}
    drift = sorted(k for k, v in record["running"].items() if (v.double() - double["running"][k]).abs().max() > 2e-6)
    assert all(k.endswith("running_mean") for k in drift), drift
    tensors = {
        "inputs": torch.stack([x for x, _ in batches]), "targets": torch.stack([y for _, y in batches]),
        "output": record["output"], "evaluated": record["evaluated"],
    }
    tensors |= {f"init.{k}": v for k, v in initial.items()}
    for prefix in ("grads", "after", "running1", "running"):
        tensors |= {f"{prefix}.{k}": v for k, v in record[prefix].items()}
    metadata = o | {
        "lr": LR, "steps": STEPS, "zero": zero, "drift": drift, "noise": max(off.values()), "torch": torch.__version__,
    }
    return tensors, metadata


def schedule(total, pct_start):
    optimizer = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=total, pct_start=pct_start)
    lr, beta1 = [], []
    for n in range(total):
        lr.append(optimizer.param_groups[0]["lr"])
        beta1.append(optimizer.param_groups[0]["betas"][0])
        optimizer.step()
        if n + 1 < total:
            scheduler.step()
    arrays = {f"one_cycle.{total}.lr": np.array(lr), f"one_cycle.{total}.beta1": np.array(beta1)}
    save_file(arrays, HERE / "patchtst_schedules.safetensors", metadata={"golden": json.dumps({"pct_start": pct_start})})


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    schedule(45, 0.4)
    case("patchtst_hf_batch_pre", variant="hf", norm_position="pre", positions="sincos")
    case("patchtst_hf_batch_post", variant="hf", positions="random", ff_activation="relu")
    case("patchtst_hf_layer_pre", variant="hf", norm="layer", norm_position="pre", positions="random", pool="mean")
    case("patchtst_hf_layer_post", variant="hf", norm="layer", positions="sincos", lookback=14)
    case("patchtst_official_batch_post", layers=3)
    case("patchtst_official_batch_pre", norm_position="pre", revin_affine=True)
    case("patchtst_official_layer_post", norm="layer", revin_affine=True)
    case("patchtst_official_layer_pre", norm="layer", norm_position="pre", pool="mean")
    authors = {"variant": "authors", "norm": "layer", "ff_activation": "relu", "positions": "random", "pool": "mean",
               "patch": 3, "stride": 3, "lookback": 11, "targets": 2}
    case("patchtst_authors_layer_post", **authors)
    case("patchtst_authors_batch_pre", **authors | {"norm": "batch", "norm_position": "pre", "pool": "flatten"})
    # Patches that overlap, and copies of the last row.
    embedding = {"patch": 4, "channels": 5, "levels": [3, 7], "width": 4}
    case("patchtst_authors_embedding", **authors | embedding)


if __name__ == "__main__":
    main()
