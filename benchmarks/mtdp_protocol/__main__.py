r"""MTDP's downstream protocol on our data, and a sound one beside it. May be run again.

    python -m benchmarks.mtdp_protocol --out FOLDER --tasks ../shared/data/downstream \
        --model mini --model mtdp=runs/mtdp/bundle [--max-proteins 500] [--protocol released]

A head of two linear layers without a non-linearity between them learns on vectors that stay as they
are: AdamW, 1e-3, batches of 64, 20 epochs. "released": ten random folds of all proteins, and of
each fold the epoch that is best on that very fold, which flatters every model; what random folds
hold of one another's relatives flatters them, too. "last": the same heads after their last epoch.
"official": learnt from the official train part, the epoch chosen by valid, scored once on test.

A model is what `multiprot embed --model` takes, or what `multiprot evaluate` takes besides. Figures
are medians over folds, lowest and highest in brackets. Otherwise than in MTDP, proteins of more
than 1,000 residues are not cut, and temperatures are learnt in deviations from their mean, to which
a correlation is blind. The folder keeps vectors and scores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mtdp_protocol.cells import Cell, Trial, cell
from benchmarks.mtdp_protocol.design import CASES, PROTOCOLS, PUBLISHED
from benchmarks.mtdp_protocol.table import table
from benchmarks.results import save_results
from multiprot.embedding import EmbedOptions
from multiprot.evaluation.features import ModelReference, open_source, parse_models
from multiprot.evaluation.tasks import Task, load_task


def compare(
    models: Sequence[ModelReference],
    tasks: dict[str, Task],
    trial: Trial,
    out: Path,
    *,
    device: str = "cpu",
    options: EmbedOptions | None = None,
) -> dict[str, dict[str, Cell]]:
    """Model -> task -> its scores.

    Parameters
    ----------
    models
        Whose vectors.
    tasks
        Of `CASES`, by the names of their folders.
    trial
        How much of each.
    out
        Folder that keeps vectors and scores.
    device, options
        Where and how models embed.
    """
    found: dict[str, dict[str, Cell]] = {}
    for model in models:
        source = open_source(model, cache=out / "vectors", device=device, options=options)
        for folder, task in tasks.items():
            scores = cell(source, task, folder, trial, out)
            found.setdefault(model.name, {})[folder] = scores
            print(f"{model.name}, {folder}: done", file=sys.stderr, flush=True)
    return found


def main() -> None:
    given = _arguments()
    scores = compare(
        parse_models(given.model),
        {folder: load_task(given.tasks / folder) for folder in given.only or CASES},
        Trial(given.max_proteins, given.standardised),
        given.out,
        device=given.device,
        options=EmbedOptions(precision=given.precision),
    )
    published = {
        model: {f"{task} {metric}": value for (task, metric), value in row.items()}
        for model, row in PUBLISHED.items()
    }
    save_results(
        given.out / "results.json",
        "benchmarks.mtdp_protocol",
        {"max_proteins": given.max_proteins, "scores": scores, "published": published},
    )
    print("\n".join(table(scores, given.protocol or list(PROTOCOLS))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", action="append", required=True, metavar="[NAME=]MODEL", help="repeatable"
    )
    parser.add_argument("--tasks", type=Path, default=Path("../shared/data/downstream"))
    parser.add_argument("--only", action="append", choices=CASES, help="task; repeatable")
    parser.add_argument(
        "--protocol", action="append", choices=PROTOCOLS, help="column; repeatable; all by default"
    )
    parser.add_argument("--max-proteins", type=int, help="of each task, for trials")
    parser.add_argument(
        "--standardised", action="store_true", help="channels in deviations of the train part"
    )
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()
