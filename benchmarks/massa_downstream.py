r"""Pairs of proteins, networks and ligands: MASSA's other tasks by `multiprot finetune`.

    python -m benchmarks.massa_downstream NAME=BUNDLE [NAME=BUNDLE ...] \
        --tasks ../shared/data/downstream --out FOLDER [--only Davis --only "SHS27k random"]

The model stays as it is and a head learns on its vectors. SKEMPI in ten folds, at random and by
complex, mutants alone and beside the wild type; the kinds of interactions of SHS27k at its three
splits, with a head on pairs and one over the network; affinities of Davis at random and for kinases
never seen. The figure is the task's primary metric on its test part, or on what all folds said of
theirs. Runs that are there already are not made again; one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.results import save_results

_LONG: Final = ("--hidden", "128", "--head-lr", "0.002", "--epochs", "50", "--patience", "15")
_SKEMPI: Final = ("--folds", "10", *_LONG, "--batch-entries", "128")
_WILD_TYPE: Final = ("--wild-type", "sequence_a_wt", "--wild-type", "sequence_b_wt")
_PAIRS: Final = ("--batch-entries", "256", "--head-lr", "0.001", "--epochs", "40")
_NETWORK: Final = (*_PAIRS, "--head", "graph", "--graph-edges", "all", "--graph-layers", "2")


class Case(NamedTuple):
    """One way to train and test: its name, the task's folder, options of `multiprot finetune`."""

    name: str
    task: str
    options: tuple[str, ...]


def _shs27k() -> list[Case]:
    splits = {"random": "split", "BFS": "split_bfs", "DFS": "split_dfs"}
    heads = {"pair head": ("--hidden", "128", *_PAIRS), "graph head": _NETWORK}
    return [
        Case(f"SHS27k {split}, {head}", "ppi_type_shs27k", ("--split-column", column, *options))
        for head, options in heads.items()
        for split, column in splits.items()
    ]


def _skempi() -> list[Case]:
    ways = {"mutant alone": (), "beside the wild type": _WILD_TYPE}
    groups = {"at random": "fold10_random", "by complex": "pdb"}
    return [
        Case(
            f"SKEMPI {dealt}, {way}",
            "skempi_ddg",
            (*_SKEMPI, "--fold-groups", column, *options),
        )
        for dealt, column in groups.items()
        for way, options in ways.items()
    ]


CASES: Final = (
    *_skempi(),
    *_shs27k(),
    Case("Davis at random", "dta_davis", (*_LONG, "--batch-entries", "256")),
    Case(
        "Davis, kinases never seen",
        "dta_davis",
        (*_LONG, "--batch-entries", "256", "--split-column", "split_cold_protein"),
    ),
)


def trained(model: str, case: Case, tasks: Path, out: Path) -> tuple[str, float]:
    """Name and value of the primary metric of one case."""
    if not (out / "results.json").is_file():
        command = [sys.executable, "-m", "multiprot.cli.main", "finetune", model]
        command += [str(tasks / case.task), "--out", str(out), *case.options]
        command += ["--resume"] if out.is_dir() else []
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{case.name}: {' '.join(command)}\n{done.stderr[-2000:]}")
    results = json.loads((out / "results.json").read_text())
    metric = results["primary_metric"]
    scores = results["out_of_fold"] if "folds" in results else results["tests"]["test"]
    return metric, scores[metric]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="cases whose names begin so"
    )
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time")
    given = parser.parse_args()
    models = dict(each.split("=", 1) for each in given.models)
    cases = [case for case in CASES if case.name.startswith(tuple(given.only or [""]))]
    wanted = [(name, case) for case in cases for name in models]

    def run(each: tuple[str, Case]) -> tuple[str, float]:
        name, case = each
        folder = case.name.replace(" ", "-").replace(",", "")
        found = trained(models[name], case, given.tasks, given.out / name / folder)
        print(f"{name}, {case.name}: {found}", file=sys.stderr, flush=True)
        return found

    with ThreadPoolExecutor(given.parallel) as pool:
        found = dict(zip(wanted, pool.map(run, wanted), strict=True))
    figures = {
        case.name: {name: round(found[name, case][1], 4) for name in models} for case in cases
    }
    save_results(given.out / "results.json", "benchmarks.massa_downstream", {"scores": figures})
    print(f"| task | metric | {' | '.join(models)} |\n|---|---|{'---:|' * len(models)}")
    for case in cases:
        values = " | ".join(f"{found[name, case][1]:.3f}" for name in models)
        print(f"| {case.name} | {found[next(iter(models)), case][0]} | {values} |")


if __name__ == "__main__":
    main()
