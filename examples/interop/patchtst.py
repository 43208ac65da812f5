#!/usr/bin/env python3
"""PatchTST checkpoints of variant hf in transformers, and its weights here. README.md beside this file says how to run it."""

from torch import nn
from transformers import PatchTSTConfig, PatchTSTForPrediction

import common


class PatchTST(nn.Module):
    """`PatchTSTForPrediction` of the settings that a checkpoint names, and beside it the linear path where the model has one; their
    state dicts together are model.safetensors."""

    def __init__(self, header):
        super().__init__()
        model, settings = header["model"], header["model"]["patchtst"]
        if settings["variant"] != "hf":
            raise SystemExit(f"variant {settings['variant']}: transformers computes --patchtst-variant hf")
        config = PatchTSTConfig(
            num_input_channels=len(model["channels"]), context_length=model["lookback"], prediction_length=model["horizon"],
            num_hidden_layers=model["layers"], d_model=model["hidden"], ffn_dim=settings["ff"],
            num_attention_heads=settings["heads"], patch_length=settings["patch"], patch_stride=settings["stride"],
            norm_type=f"{settings['norm']}norm", pre_norm=settings["norm_position"] == "pre",
            activation_function=settings["ff_activation"], positional_encoding_type=settings["positions"],
            pooling_type="mean" if settings["pool"] == "mean" else None,
            scaling="std", share_embedding=True, channel_attention=False, use_cls_token=False, do_mask_input=False, loss="mse",
        )
        self.inner = PatchTSTForPrediction(config)
        path = model["linear_path"] != "none"
        self.beside = nn.ModuleDict({"linear_path": nn.Linear(model["lookback"], model["horizon"])} if path else {})

    def forward(self, x):
        """x [windows, look-back, channels] -> [windows, horizon, channels]; both in scaled units."""
        output = self.inner(past_values=x).prediction_outputs
        if not self.beside:
            return output
        x, _, scale = common.normalised(x, x.shape[-1], "mean-std")
        return output + self.beside["linear_path"](x.transpose(1, 2)).transpose(1, 2) * scale

    def state_dict(self, *args, **kwargs):
        return self.inner.state_dict() | self.beside.state_dict()

    def load_state_dict(self, state):
        beside = {name: value for name, value in state.items() if name.startswith("linear_path.")}
        self.beside.load_state_dict(beside)
        return self.inner.load_state_dict({name: value for name, value in state.items() if name not in beside})

    def named_parameters(self, *args, **kwargs):
        yield from self.inner.named_parameters()
        yield from self.beside.named_parameters()


def saved_plain(module, folder):
    if module.beside:
        return common.saved_plain(module, folder)
    module.inner.save_pretrained(folder)  # config.json beside model.safetensors
    return folder / "model.safetensors"


SMALL = "--model patchtst --patchtst-variant hf --d-model 8 --heads 2 --ff 12 --layers 2 --patch 4 --stride 3 --calendar off".split()
TINY = {
    "patchtst": [*SMALL, *"--lookback 12 --horizon 2".split()],
    "patchtst-path": [*SMALL, *"--lookback 12 --horizon 2 --linear-path ridge --target y,x".split()],
    "patchtst-layer": [*SMALL, *"--lookback 14 --horizon 3 --norm layer --norm-position post --pool mean".split()],
}

if __name__ == "__main__":
    common.main(__doc__, TINY, PatchTST, saved_plain)
