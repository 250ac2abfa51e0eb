"""From times, tokens and vectors to the figures of one shape."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

from benchmarks.embedding_speed.parity import parity
from benchmarks.embedding_speed.rounds import Results
from benchmarks.embedding_speed.sample import Sample
from benchmarks.embedding_speed.shapes import SPECIAL_TOKENS, Shape
from benchmarks.embedding_speed.variants import PADDED, VARIANTS

SMALLEST_COSINE: Final = {"fp32": 0.999999, "bf16": 0.9999}
"""Bounds for multiprot's vectors beside HF's in fp32."""


def shape_figures(results: Results, sample: Sample, shape: Shape) -> dict[str, Any]:
    """What one shape's table and JSON hold.

    Rates are medians over rounds; ratios are medians of the ratios within each round, which a
    disturbance that lasts for a whole round does not touch.
    """
    seconds = {name: [run["seconds"] for run in runs] for name, runs in results.runs.items()}
    rates = {name: sample.residues / median(taken) for name, taken in seconds.items()}
    best_hf = _best(rates, "hf")
    flops = shape.flops(len(sequence) for _, sequence in sample.proteins)
    variants = {}
    for name, runs in results.runs.items():
        facts, entry = results.facts[name], VARIANTS[name]
        ceiling = results.ceilings[entry.precision]
        variants[name] = {
            "precision": entry.precision,
            "residues_per_second": rates[name],
            "best_residues_per_second": sample.residues / min(seconds[name]),
            "seconds": seconds[name],
            "processor_seconds": [run["processor_seconds"] for run in runs],
            "ratio_to_padded": _ratio(seconds, PADDED, name),
            "ratio_to_best_hf": _ratio(seconds, best_hf, name),
            "padding": _padding(sample, facts["tokens"]),
            "peak_mib": facts["peak_mib"],
            "own_peak_mib": runs[-1]["own_peak_mib"],
            "device_peak_mib": facts["device_peak_mib"],
            "share_of_matmul_ceiling": flops / median(seconds[name]) / ceiling,
            "parity": _parity(results, name),
            "load_seconds": facts["load_seconds"],
            "settings": facts["settings"],
            "libraries": facts["libraries"],
        }
    return {
        "matmul_ceiling_gflops": {kind: flop / 1e9 for kind, flop in results.ceilings.items()},
        "gigaflop_of_the_sample": flops / 1e9,
        "best_hf": best_hf,
        "best_multiprot": _best(rates, "multiprot"),
        "variants": variants,
        "not_run": results.not_run,
        "profiles": results.profiles,
    }


def outcomes(name: str, figures: dict[str, Any], device: str) -> list[tuple[str, float, float]]:
    """What is to be reached for this shape: description, figure, bound from below."""
    best = figures["best_multiprot"]
    if best is None:
        return []
    found, told = figures["variants"][best], f"{name}: {best}"
    wanted: list[tuple[str, float | None, float]] = []
    if device == "cpu":
        wanted.append((f"{told}, times the padded HF loop", found["ratio_to_padded"], 10.0))
    if device == "cpu" or name in ("8M", "35M"):
        wanted.append((f"{told}, times the best HF setting", found["ratio_to_best_hf"], 2.0))
    if device != "cpu" and name in ("150M", "650M") and found["precision"] == "bf16":
        share = found["share_of_matmul_ceiling"]
        wanted.append((f"{told}, share of the bf16 matmul ceiling", share, 0.45))
    for variant, row in figures["variants"].items():
        if VARIANTS[variant].family == "multiprot" and row["parity"]:
            bound = SMALLEST_COSINE[row["precision"]]
            wanted.append((f"{name}: {variant}, cosine", row["parity"]["smallest_cosine"], bound))
    return [(text, value, bound) for text, value, bound in wanted if value is not None]


def _best(rates: dict[str, float], family: str) -> str | None:
    known = [name for name in rates if VARIANTS[name].family == family]
    return max(known, key=lambda name: rates[name], default=None)


def _ratio(seconds: dict[str, list[float]], slow: str | None, name: str) -> float | None:
    if slow is None or slow not in seconds:
        return None
    return median(a / b for a, b in zip(seconds[slow], seconds[name], strict=True))


def _padding(sample: Sample, tokens: int | None) -> float | None:
    if tokens is None:
        return None
    return 1 - (sample.residues + SPECIAL_TOKENS * len(sample.proteins)) / tokens


def _parity(results: Results, name: str) -> dict[str, float] | None:
    if PADDED not in results.vectors:
        return None
    return parity(results.vectors[name], results.vectors[PADDED])
