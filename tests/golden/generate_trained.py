#!/usr/bin/env python3
"""Writes the golden files `trained_*` of this folder: short runs of the program, and what PyTorch and transformers make of
their weights. Run by hand; the tests only read what it wrote.

    cargo build --release --bins --examples
    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install torch numpy safetensors transformers
    /tmp/golden/bin/python tests/golden/generate_trained.py

Last run with Python 3.11, torch 2.15.0 (CPU, one thread), safetensors 0.8.0 and transformers 5.23.0, or, as the metadata says of
each file, 5.24.0.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples/interop"))

import common  # noqa: E402
import linear  # noqa: E402
import patchtst  # noqa: E402
import recurrent  # noqa: E402


def write(program, name, flags, build):
    tiny = "--data tiny.csv --batch 8 --epochs 4 --checkpoint-every none".split()
    run = program.train(name, *tiny, *common.with_target(flags))
    ours, theirs = (HERE / f"trained_{name}.{kind}.safetensors" for kind in ("model", "saved"))
    ours.write_bytes(without_folder((run / "model.safetensors").read_bytes(), program.folder))
    module = build(common.header(ours))
    module.load_state_dict(load_file(ours))
    inputs, _ = program.forecasts(run)
    tensors = {"inputs": inputs, "forecasts": common.forecast(module, inputs)}
    common.changed(module)
    tensors["saved_forecasts"] = common.forecast(module, inputs)
    save_file({k: v.contiguous() for k, v in module.state_dict().items()}, theirs, metadata=common.metadata(ours))
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    save_file(tensors, HERE / f"trained_{name}.safetensors", metadata={"golden": json.dumps(versions)})
    print(f"trained_{name}: {len(inputs)} windows")


def without_folder(file, folder):
    """The bytes of a weights file whose configuration names its data file as if it lay beside: no machine's path is kept."""
    size = int.from_bytes(file[:8], "little")
    header = file[8 : 8 + size].replace(f"{folder}/".encode(), b"").rstrip()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + file[8 + size :]


def main():
    torch.set_num_threads(1)
    asked = common.options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(HERE / "tiny.csv", Path(folder) / "tiny.csv")
        program = common.Program(folder, asked.bin)
        write(program, "lstm", recurrent.TINY["lstm"], recurrent.Recurrent)
        write(program, "gru", recurrent.TINY["gru"], recurrent.Recurrent)
        write(program, "rnn", recurrent.TINY["rnn"], recurrent.Recurrent)
        write(program, "lstm_path", recurrent.TINY["lstm-path"], recurrent.Recurrent)
        write(program, "lstm_ridge", recurrent.TINY["lstm-ridge"], recurrent.Recurrent)
        write(program, "nlinear", linear.TINY["nlinear"], linear.Linear)
        write(program, "dlinear", linear.TINY["dlinear-3"], linear.Linear)
        write(program, "patchtst", patchtst.TINY["patchtst"], patchtst.PatchTST)


if __name__ == "__main__":
    main()
