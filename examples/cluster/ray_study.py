"""A study on a Ray cluster, a shard to a worker. Needs ray, and microglia on every worker.

    python ray_study.py --shards 8 --out runs/study --address auto

A shard is a part of the study's cells, and lies in a folder of its own under `--out`, which every worker must see (NFS, or one machine).
Ray restarts a shard whose worker died; it goes on from the cells that are done. The merged folder is that of the study in one piece.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import ray

import microglia as mg

STUDY: dict[str, Any] = {
    "models": ["rnn", "lstm"],
    "lookbacks": [12, 24],
    "hidden": [8],
    "methods": ["none", "pruning"],
    "seeds": "1..2",
    "epochs": 2,
    "horizon": 6,
}


@ray.remote(num_cpus=1, max_retries=3)
def run_shard(data: Any, out: str, number: int, shards: int, study: dict[str, Any]) -> str:
    """One shard, into its folder."""
    folder = Path(out) / f"shard-{number}-of-{shards}"
    mg.experiment(data, out=folder, shard=f"{number}/{shards}", device="cpu", threads=1, progress=False, **study)
    return str(folder)


def run_study(data: Any, out: Path, shards: int, study: dict[str, Any]) -> mg.Study:
    """The whole study, shard by shard on the cluster that `ray.init` has joined."""
    # The data is put on each worker once.
    placed = ray.put(data)
    numbers = range(1, shards + 1)
    folders = ray.get([run_shard.remote(placed, str(out), number, shards, study) for number in numbers])
    return mg.merge_studies(out / "merged", folders)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a CSV, Parquet or Arrow file that every worker sees; else the embedded set")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--address", help="of the cluster; else a local one")
    asked = parser.parse_args()
    ray.init(address=asked.address)
    print(run_study(asked.data, asked.out.absolute(), asked.shards, STUDY))


if __name__ == "__main__":
    main()
