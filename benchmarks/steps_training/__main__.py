r"""Seconds per protein and memory of STEPS' training step: ours beside the step as it was released.

    python -m benchmarks.steps_training --out FILE [--corpus runs/corpus/massa] [--proteins 16] \
        [--rounds 2] [--threads 2] [--tokens 2048] [--layers 30] [--width 1024] \
        [--lengths-of ../shared/data/downstream/deeploc10] [--longest 400]

Both pretrain a model of STEPS' shape on the same real proteins, with inner steps of second order
on the last layer of the same language model, whose weights are random: a student of ProtBERT's 30
layers and 1,024 channels. The plain step (`benchmarks.steps_training.plain`) takes one protein at a
time, ours batches of `--tokens`, by length; features, corruption and optimizer count for both.
"frozen layers kept" spares the plain step what our token cache spares ours, "edges kept" the search
for edges as well. Ours has all three objectives of configs/pretrain/steps.yaml; "ours, all pairs"
reads every pair of residues as the plain step does, "ours" draws 4,096 of each protein. All take
turns; the first round is not counted. With `--lengths-of` the proteins are as long as those of a
task: STEPS was pretrained on the proteins of DeepLoc, whose median length is 429.

Memory: one protein of at least `--length` residues in a process of its own, its peak less what the
process held before the first step; language model of 5 layers and 320 channels, so that nearly
all of it is the step's. The plain step is left out if `--most-gib` would not do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.embedding_speed.machine import machine
from benchmarks.results import save_results
from benchmarks.steps_training.measure import (
    ALL_PAIRS,
    OURS,
    PAIRS,
    PLAIN,
    PLAIN_COPIES,
    RELEASED,
    SMALL,
    memory_of,
    seconds,
    steps,
)
from benchmarks.steps_training.proteins import as_long_as, drawn
from multiprot.data.corpus import Corpus
from multiprot.evaluation.tasks import load_task


def memory(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Each variant in a process of its own."""
    wanted = [RELEASED, ALL_PAIRS, OURS]
    needed = PLAIN_COPIES * 4 * given.length**2 * (SMALL[1] + 256) / 2**30
    if needed > given.most_gib:
        wanted.remove(RELEASED)
    rows = []
    for variant in wanted:
        command = [sys.executable, "-m", "benchmarks.steps_training", "--corpus", str(given.corpus)]
        command += ["--threads", str(given.threads), "--length", str(given.length)]
        done = subprocess.run([*command, "--memory-of", variant], check=True, capture_output=True)
        rows.append(json.loads(done.stdout))
    for row in rows:
        row["of_released"] = round(row["added_mib"] / rows[0]["added_mib"], 3)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus/massa"))
    parser.add_argument("--proteins", type=int, default=16)
    parser.add_argument("--longest", type=int, default=400)
    parser.add_argument("--lengths-of", type=Path, help="folder of a task")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--length", type=int, default=1000)
    parser.add_argument("--most-gib", type=float, default=16.0)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--memory-of", metavar="VARIANT", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    corpus = Corpus.open(given.corpus)
    if given.memory_of:
        print(json.dumps(memory_of(corpus, given.memory_of, given.length)))
        return
    if given.out is None:
        parser.error("give --out FILE")
    rows = memory(given)
    if given.lengths_of is None:
        records = drawn(corpus, given.proteins, given.longest, seed=0)
    else:
        task = np.array([len(each) for each in load_task(given.lengths_of).unique_sequences()])
        records = as_long_as(corpus, task, given.proteins, given.longest)
    shape = (given.layers, given.width)
    tasks = steps(corpus, records, shape, given.tokens, [*PLAIN, *PAIRS])
    times = seconds(tasks, given.proteins, given.rounds)
    figures = {
        **machine("cpu", given.threads),
        "corpus": corpus.content_hash,
        "lengths": [len(record) for record in records],
        "language_model": shape,
        "variants": times,
        "memory": rows,
    }
    save_results(given.out, "benchmarks.steps_training", figures)
    print(f"{'':36} {'s/protein':>10} {'x as fast':>10}")
    for name, each in times.items():
        print(f"{name:36} {each['seconds_per_protein']:>10.3f} {each['times_as_fast']:>10.2f}")
    for row in rows:
        told = (
            f"{row['residues']} residues, {row['added_mib']:,} MiB more, {row['peak_mib']:,} in all"
        )
        print(f"{row['variant']:36} {told}; {row['of_released']} of the first")


if __name__ == "__main__":
    main()
