"""The figures for people."""

from __future__ import annotations

from typing import Any

_COLUMNS = ("", "residues/s", "best", "x padded", "x best HF", "padding", "MiB", "of ceiling")
_PARITY = ("cosine >=", "apart <=", "centred")


def shape_table(name: str, figures: dict[str, Any]) -> str:
    """A shape's variants, one a line, and why others are missing."""
    rows: list[tuple[str, ...]] = [(*_COLUMNS, *_PARITY)]
    for variant, row in figures["variants"].items():
        rows.append(
            (
                variant,
                f"{row['residues_per_second']:,.0f}",
                f"{row['best_residues_per_second']:,.0f}",
                _told(row["ratio_to_padded"], "{:.2f}"),
                _told(row["ratio_to_best_hf"], "{:.2f}"),
                _told(row["padding"], "{:.1%}"),
                _told(row["device_peak_mib"] or row["peak_mib"] or row["own_peak_mib"], "{:,.0f}"),
                f"{row['share_of_matmul_ceiling']:.1%}",
                *_parity_cells(row["parity"]),
            )
        )
    ceilings = ", ".join(
        f"{kind} {gflops:,.0f} GFLOP/s" for kind, gflops in figures["matmul_ceiling_gflops"].items()
    )
    lines = [f"{name}: matrix products reach {ceilings}", *_aligned(rows)]
    lines += [f"  not run: {variant}: {why}" for variant, why in figures["not_run"].items()]
    lines += [_profile_line(variant, told) for variant, told in figures["profiles"].items()]
    return "\n".join(lines)


def outcome_lines(outcomes: list[tuple[str, float, float]]) -> str:
    """What was to be reached, and whether it was."""
    return "\n".join(
        f"{'reached' if value >= bound else 'MISSED '}  {text}: {value:.6g} (at least {bound:g})"
        for text, value, bound in outcomes
    )


def _parity_cells(found: dict[str, float] | None) -> tuple[str, str, str]:
    if found is None:
        return ("", "", "")
    return (
        f"{found['smallest_cosine']:.7f}",
        f"{found['largest_relative_difference']:.1e}",
        f"{found['largest_centred_difference']:.1e}",
    )


def _profile_line(variant: str, told: dict[str, Any]) -> str:
    shares = ", ".join(f"{kind} {share:.0%}" for kind, share in told["share_of_wall"].items())
    return f"  where {variant}'s time goes: {shares}"


def _told(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        f"  {row[0]:<{widths[0]}}"
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def memory_lines(figures: dict[str, Any], largest: float) -> str:
    """Peak memory and throughput by number of sequences."""
    lines = ["memory and throughput, tiny model:"]
    lines += [
        f"  {int(count):>9,} sequences: peak {row['peak_mib']:,.0f} MiB, of them "
        f"{row['after_loading_mib']:,.0f} before the run; {row['proteins_per_second']:,.0f} "
        "proteins/s"
        for count, row in figures["sequences"].items()
    ]
    lines.append(
        f"  peak {figures['peak_ratio']:.2f} times (at most {largest}), throughput "
        f"{figures['throughput_ratio']:.2f} times"
    )
    return "\n".join(lines)


def start_lines(figures: dict[str, Any]) -> str:
    """Time to get going by number of files in one folder."""
    return "\n".join(
        ["start with structure files in one folder:"]
        + [
            f"  {int(count):>9,} files: first protein read after "
            f"{row['first_protein_seconds']:.2f} s, first shard of 500 finished after "
            f"{row['first_shard_seconds']:.2f} s"
            for count, row in figures["files"].items()
        ]
    )


def exactly_once_lines(figures: dict[str, Any], largest: float) -> str:
    """What the ledger costs."""
    costs = ", ".join(
        f"{cost['share']:+.2%} of {name} time (95 % of resamples: {cost['low']:+.2%} to "
        f"{cost['high']:+.2%})"
        for name, cost in (
            ("wall", figures["cost_seconds"]),
            ("processor", figures["cost_processor_seconds"]),
        )
    )
    return (
        f"exactly-once, {figures['shape']} {figures['precision']}, shards of "
        f"{figures['shard_residues']:,} residues: {costs}; at most {largest:.0%}"
    )
