"""The engine and its rivals on some shapes, one after another."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.embedding_speed.figures import outcomes, shape_figures
from benchmarks.embedding_speed.report import outcome_lines, shape_table
from benchmarks.embedding_speed.rounds import Contest, Setting
from benchmarks.embedding_speed.sample import Sample, draw_sample
from benchmarks.embedding_speed.shapes import SHAPES, write_checkpoint

SEED: Final = 4
PROTEINS: Final = {
    "cpu": {"tiny": 60, "8M": 400, "35M": 200, "150M": 60, "650M": 20},
    "cuda": {"tiny": 400, "8M": 20_000, "35M": 20_000, "150M": 8_000, "650M": 3_000},
}
"""How many proteins make runs of some seconds to a few minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to compare.

    Attributes
    ----------
    shapes
        Of `SHAPES`.
    variants
        Of `VARIANTS`.
    device
        "cpu" or "cuda".
    threads
        Of each variant's kernels.
    rounds
        Timed runs of each.
    proteins
        Size of the sample; None: `PROTEINS`.
    source
        File of real proteins; None: generated.
    pythons
        Interpreters of rivals that need their own.
    """

    shapes: Sequence[str]
    variants: Sequence[str]
    device: str
    threads: int
    rounds: int
    proteins: int | None
    source: Path | None
    pythons: Mapping[str, str | None]


def compare(plan: Plan) -> dict[str, Any]:
    """Run all of `plan`; each shape's table is printed when it is done."""
    counts = {
        name: plan.proteins or PROTEINS[plan.device.split(":")[0]][name] for name in plan.shapes
    }
    pool = draw_sample(max(counts.values()), SEED, plan.source)
    shapes: dict[str, Any] = {}
    reached: list[tuple[str, float, float]] = []
    for name in plan.shapes:
        sample = Sample(pool.source, pool.proteins[: counts[name]])
        figures = {"sample": sample.to_json(), **_one_shape(plan, name, sample)}
        shapes[name] = figures
        reached += outcomes(name, figures, plan.device)
        print(shape_table(name, figures), end="\n\n", flush=True)
    print(outcome_lines(reached), flush=True)
    return {
        "rounds": plan.rounds,
        "shapes": shapes,
        "to_reach": [
            {"what": text, "found": value, "at_least": bound} for text, value, bound in reached
        ],
    }


def _one_shape(plan: Plan, name: str, sample: Sample) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="multiprot-embedding-") as place:
        scratch = Path(place)
        setting = Setting(
            checkpoint=write_checkpoint(SHAPES[name], scratch / f"esm2_{name}", SEED),
            sample=sample,
            device=plan.device,
            threads=plan.threads,
            rounds=plan.rounds,
            pythons=plan.pythons,
            scratch=scratch,
        )
        results = Contest(setting, plan.variants).hold()
    return shape_figures(results, sample, SHAPES[name])
