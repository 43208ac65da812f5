"""One table: a training step here, in PyTorch and, if asked, in burn, on the same shapes, in one run.

    python benches/peers/compare.py --threads 2
    python benches/peers/compare.py --only lstm-64 --rounds 5
    python benches/peers/compare.py --device cuda --adapter H200 [--compile]      on an NVIDIA machine
    python benches/peers/compare.py --only patchtst --dropout 0.2                 transformers with dropout, as published
    python benches/peers/compare.py --burn flex                                   burn on the CPU; vulkan, wgpu on a GPU

Needs `pip install torch`, and an idle machine: PyTorch's threads spin while they wait for one another, and with another
program on a core they take ten to forty times as long; a line says so where the load is high. Rounds alternate between the programs, because machines are noisy; figures are medians over the
rounds, ratios are medians and quartiles of each round's ratio, and below 1 this program is the faster. Times are milliseconds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

import torch
from torch_models import MODELS, mask_update, step

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What is timed: a label, the model, how many train side by side here.
CASES = [(name, name, 1) for name in MODELS] + [(f"{name} R=40, each", name, 40) for name in ("rnn-64", "lstm-64")]
PRUNE = "lstm-64 mask update"
BURN = {"rnn-64": "rnn64", "lstm-64": "lstm64", "lstm-256": "lstm256", "patchtst-authors": "patch", "patchtst-official": "off"}


def built(bench):
    """The bench's program, built first."""
    command = ["cargo", "bench", "--no-run", "--bench", bench, "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return next(m["executable"] for m in map(json.loads, lines) if m.get("executable") and m["target"]["name"] == bench)


def here(program, only, options):
    """The figures of one case."""
    device = [options.adapter, "--no-cpu"] if options.adapter else ["cpu"]
    command = [program, *device, "--json", "--only", only, "--threads", str(options.threads)]
    command += ["--dropout", str(options.dropout)] if options.dropout else []
    command += [] if options.slow else ["--quick"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(output.stdout.splitlines()[-1])


def timed(once, seconds):
    """Median milliseconds."""
    times, began = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        once()
        times.append(1e3 * (time.perf_counter() - start))
    # Its threads spin for a while after their last work.
    time.sleep(0.3)
    return statistics.median(times)


def burn(backend, name, seconds):
    folder = ROOT / "benches/peers/burn_steps"
    features = [] if backend == "flex" else ["--no-default-features", "--features", "gpu"]
    command = ["cargo", "run", "--release", *features, "--", backend, BURN[name], str(seconds)]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target/burn_steps")}
    output = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(output.stdout.splitlines()[-1])["median_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose names hold this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", action="store_true", help="a second for each figure instead of a tenth")
    parser.add_argument("--device", default="cpu", help="PyTorch's: cpu or cuda")
    parser.add_argument("--adapter", default="", help="here: part of a GPU adapter's name; none is the CPU engine")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--dropout", type=float, default=0.0, help="of transformers alone, without burn: needs --only patchtst")
    parser.add_argument("--burn", metavar="BACKEND", help="flex, vulkan, wgpu or webgpu")
    options = parser.parse_args()
    if options.dropout and (options.burn or not options.only.startswith("patchtst")):
        parser.error("--dropout is that of transformers, beside PyTorch: give --only patchtst, and no --burn")
    torch.set_num_threads(options.threads)
    seconds = 1.0 if options.slow else 0.2

    programs = {bench: built(bench) for bench in ("step", "replicas")}
    before = os.getloadavg()[0]
    rows = [case for case in [*CASES, (PRUNE, "lstm-64", 1)] if options.only in case[0]]
    peers = ["torch", "burn"] if options.burn else ["torch"]
    found = {label: {who: [] for who in ("here", *peers)} for label, *_ in rows}
    steps = {name: step(name, options.device, options.compile, options.dropout) for name in {name for label, name, _ in rows if label != PRUNE}}
    for once in steps.values():
        [once() for _ in range(3)]
    for _ in range(options.rounds):
        for label, name, replicas in rows:
            own = found[label]
            if label == PRUNE:
                own["here"].append(here(programs["step"], name, options)["prune_ms"])
                own["torch"].append(timed(mask_update(name, options.device), seconds))
                continue
            if replicas == 1:
                own["here"].append(here(programs["step"], name, options)["step_ms"])
            else:
                only = f"{name} R={replicas}"
                own["here"].append(here(programs["replicas"], only, options)["step_ms"] / replicas)
            own["torch"].append(timed(steps[name], seconds))
            if options.burn and replicas == 1:
                own["burn"].append(burn(options.burn, name, seconds))

    load = os.getloadavg()[0]
    if before > 0.5:
        print(f"NOT IDLE: load {before:.1f} before, {load:.1f} after; these ratios flatter this program")
    where = options.adapter or f"CPU engine, {options.threads} threads"
    kind = f"PyTorch {torch.__version__} {options.device}" + (", compiled" if options.compile else "")
    print(f"here: {where}; torch: {kind}, {options.threads} threads" + (f"; burn: {options.burn}" if options.burn else ""))
    header = f"{'case':<22} {'here':>9}"
    print(header + "".join(f" {who:>9} {'ratio':>6} {'quartiles':>13}" for who in peers))
    for label, own in found.items():
        line = f"{label:<22} {statistics.median(own['here']):>9.3f}"
        for who in peers:
            if own[who]:
                ratios = sorted(a / b for a, b in zip(own["here"], own[who]))
                low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
                spread = f"{low:.2f} – {high:.2f}"
                line += f" {statistics.median(own[who]):>9.3f} {statistics.median(ratios):>6.2f} {spread:>13}"
        print(line)


if __name__ == "__main__":
    main()
