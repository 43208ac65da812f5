"""What the scripts of this folder share: runs of the program, its windows and forecasts, and the comparison."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1e-5
# A learning rate that moves no float32 weight: a run of one step then holds the weights that it began with.
STANDING_STILL = ["--lr", "1e-30", "--max-steps", "1", "--select", "last", "--regularizer", "none"]


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("runs", nargs="*", type=Path, help="run folders; without any, short runs are trained on a tiny file")
    parser.add_argument("--bin", type=Path, default=ROOT / "target/release", help="where `cargo build --release --examples --bins` put them")
    asked = parser.parse_args()
    for run in asked.runs:
        if not (run / "model.safetensors").is_file():
            parser.error(f"{run}: no run folder with a model.safetensors")
    return asked


class Program:
    """The built program, and a folder for what it writes."""

    def __init__(self, folder, bin):
        self.folder, self.bin = Path(folder), bin.resolve()

    def call(self, name, *args):
        return subprocess.run([self.bin / name, *map(str, args)], cwd=self.folder, capture_output=True, text=True)

    def must(self, name, *args):
        done = self.call(name, *args)
        if done.returncode != 0:
            sys.exit(f"{name} {' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr}")
        return done

    def train(self, name, *args):
        self.must("microglia", "train", "--device", "cpu", "--out", self.folder / name, *args)
        return self.folder / name

    def forecasts(self, model, data=()):
        """What a module reads, `inputs` [windows, look-back, channels] and, where values are known ahead, `future` [windows, horizon,
        future channels]; and `forecasts` [windows, horizon, targets]. All in scaled units."""
        out = self.folder / "forecasts.safetensors"
        self.must("examples/forecasts", model, out, *data)
        found = load_file(out)
        future = [found["future"]] if found["future"].numel() > 0 else []
        return [found["inputs"], *future], found["forecasts"]


def metadata(file):
    """The file's metadata as it stands, which a file of changed weights must bear too."""
    with safe_open(file, "pt") as opened:
        return opened.metadata()


def header(file):
    """What the program says of a weights file."""
    return json.loads(metadata(file)["microglia"])


class Report:
    """Prints every difference, and knows whether one was too large."""

    def __init__(self):
        self.failed = False

    def compare(self, what, ours, theirs):
        off = (ours - theirs).abs().max().item()
        good = ours.shape == theirs.shape and off <= LIMIT  # False of NaN
        self.failed |= not good
        print(f"{what}: {list(ours.shape)}, largest difference {off:.2e}{'' if good else f', MORE THAN {LIMIT}'}")

    def check(self, what, good):
        self.failed |= not good
        print(f"{what}: {'yes' if good else 'NO'}")


def normalised(x, targets, norm):
    """The windows with their targets, the first columns, less a shift and over a scale; and those two, by window and target."""
    head, rest = x[..., :targets], x[..., targets:]
    shift, scale = torch.zeros(()), torch.ones(())
    if norm == "last":
        shift = head[:, -1:]
    elif norm == "mean-std":
        shift = head.mean(dim=1, keepdim=True)
        scale = (head.var(dim=1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    return torch.cat([(head - shift) / scale, rest], dim=-1), shift, scale


def forecast(module, inputs):
    module.eval()
    with torch.no_grad():
        return module(*inputs).contiguous()


def changed(module):
    """Other weights in the module, as some training of its own would leave them."""
    torch.manual_seed(1)
    with torch.no_grad():
        for p in module.parameters():
            if p.requires_grad:
                p.add_(0.05 * torch.randn_like(p))


def both_ways(report, program, run, build, saved_plain, flags):
    """Compares forecasts with our weights there, and with their weights here: with our metadata, and through --init.

    `build(header)` makes the module; `saved_plain(module, folder)` saves it as its library does, and names the file;
    `flags` are options of the run that is started from it.
    """
    run = Path(run).resolve()
    weights = run / "model.safetensors"
    name = run.name
    module = build(header(weights))
    module.load_state_dict(load_file(weights))
    inputs, ours = program.forecasts(run)
    report.compare(f"{name}: our weights, there", ours, forecast(module, inputs))

    changed(module)
    theirs = forecast(module, inputs)
    held = program.folder / f"{name}-changed.safetensors"
    save_file({k: v.contiguous() for k, v in module.state_dict().items()}, held, metadata=metadata(weights))
    report.compare(f"{name}: their weights with our metadata, here", program.forecasts(held)[1], theirs)
    (program.folder / f"{name}-plain").mkdir()
    plain = saved_plain(module, program.folder / f"{name}-plain")
    rejected = program.call("examples/forecasts", plain, program.folder / "none.safetensors")
    told = rejected.returncode != 0 and "no entry `microglia`" in rejected.stderr
    report.check(f"{name}: their weights without it are rejected, and what is missing is named", told)
    # Every setting again, but for those of the step that is no step.
    settings = [f"--config={run / 'config.toml'}", *flags]
    begun = program.train(f"{name}-init", *settings, "--init", plain, *STANDING_STILL)
    after, state = load_file(begun / "model.safetensors"), module.state_dict()
    trained = [k for k, p in module.named_parameters() if p.requires_grad]
    report.compare(f"{name}: --init takes their weights", flat(after, trained), flat(state, trained))
    module.load_state_dict(after)
    inputs, ours = program.forecasts(begun)
    report.compare(f"{name}: that run's forecasts", ours, forecast(module, inputs))


def with_target(flags):
    """Options of a run on the tiny file, whose target is y where they name none."""
    return flags if "--target" in flags else ["--target", "y", *flags]


def tiny_file(folder):
    """The golden files' tiny one, and a column of three levels."""
    rows = (ROOT / "tests/golden/tiny.csv").read_text().splitlines()
    kinds = ["kind", *("abacbc"[i % 6] for i in range(len(rows) - 1))]
    file = Path(folder) / "tiny.csv"
    file.write_text("".join(f"{row},{kind}\n" for row, kind in zip(rows, kinds)))
    return file


def flat(tensors, names):
    return torch.cat([tensors[name].detach().flatten() for name in names])


def saved_plain(module, folder):
    """As any PyTorch program saves a module."""
    file = folder / "model.safetensors"
    save_file({k: v.contiguous() for k, v in module.state_dict().items()}, file)
    return file


def main(description, tiny_runs, build, saved_plain=saved_plain, flags=()):
    """`tiny_runs`: options of the runs to train where none is named, by name."""
    asked = options(description)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        program = Program(folder, asked.bin)
        tiny = ["--data", tiny_file(folder), "--batch", "8", "--epochs", "3"]
        runs = asked.runs or [program.train(name, *tiny, *with_target(more)) for name, more in tiny_runs.items()]
        for run in runs:
            both_ways(report, program, run, build, saved_plain, flags)
    sys.exit(report.failed)
