#!/usr/bin/env python3
"""PatchTST checkpoints of variant hf in transformers, and its weights here. README.md beside this file says how to run it."""

from torch import nn
from transformers import PatchTSTConfig, PatchTSTForPrediction

import common


class PatchTST(nn.Module):
    """`PatchTSTForPrediction` of the settings that a checkpoint names; its state dict is model.safetensors."""

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

    def forward(self, x):
        """x [windows, look-back, channels] -> [windows, horizon, channels]; both in scaled units."""
        return self.inner(past_values=x).prediction_outputs

    def state_dict(self, *args, **kwargs):
        return self.inner.state_dict()

    def load_state_dict(self, state):
        return self.inner.load_state_dict(state)

    def named_parameters(self, *args, **kwargs):
        return self.inner.named_parameters()


def saved_plain(module, folder):
    module.inner.save_pretrained(folder)  # config.json beside model.safetensors
    return folder / "model.safetensors"


SMALL = "--model patchtst --patchtst-variant hf --d-model 8 --heads 2 --ff 12 --layers 2 --patch 4 --stride 3 --calendar off".split()
TINY = {
    "patchtst": [*SMALL, *"--lookback 12 --horizon 2".split()],
    "patchtst-layer": [*SMALL, *"--lookback 14 --horizon 3 --norm layer --norm-position post --pool mean".split()],
}

if __name__ == "__main__":
    common.main(__doc__, TINY, PatchTST, saved_plain)
