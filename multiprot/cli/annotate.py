"""`multiprot annotate`: GO terms of proteins, and proteins of GO terms, with probabilities."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.search.zero_shot.options import AnnotateOptions

if TYPE_CHECKING:
    from multiprot.bundle import Bundle
    from multiprot.search.zero_shot import SharedVectors

_SHOWN: Final = 5
"""Refused proteins that are told one by one where they are listed in a file."""


@with_section_options(AnnotateOptions, renamed={"namespaces": "--namespace", "modalities": "--use"})
def annotate(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="FASTA files, structure files, folders of them, a corpus, - for FASTA on standard "
            "input; or one embedding store that the model made with --space shared.",
        ),
    ],
    model: Annotated[Path, typer.Option(help="Folder of a model bundle with GO encoder.")],
    options: AnnotateOptions,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .parquet, .csv or .tsv; .json with --evaluate or --calibrate. "
            "Without, rows are printed."
        ),
    ] = None,
    reliability: Annotated[
        Path | None,
        typer.Option(
            help="With --evaluate: table to write of claimed and observed shares, .parquet, .csv "
            "or .tsv."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first protein that cannot be used.")
    ] = False,
    allow_other_versions: Annotated[
        bool,
        typer.Option("--allow-other-versions", help="Accept plugins of another version."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Rows, or with --out a summary, as JSON.")
    ] = False,
) -> None:
    """Name the GO terms of proteins with probabilities, or the proteins of a GO term (--term).

    A row for each protein and term: protein, term, name, namespace, probability, basis. A term is
    never less probable than one below it. With --evaluate the answers are held against known
    annotations; --calibrate writes a correction of probabilities that --calibration reads.
    """
    from multiprot.bundle import load_bundle
    from multiprot.embedding import EmbedOptions
    from multiprot.search.zero_shot import SharedVectors

    _check_outputs(options, out, reliability, overwrite=overwrite)
    bundle = load_bundle(model, allow_other_versions=allow_other_versions)
    for warning in bundle.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    embedding = EmbedOptions(space="shared", modalities=options.modalities)
    proteins = SharedVectors(inputs, bundle, embedding, device=device, strict=strict)
    if options.calibrate is not None and out is not None:
        _calibrate(bundle, proteins, options, out, overwrite=overwrite, as_json=as_json)
    elif options.evaluate is not None:
        files = (out, reliability)
        _evaluate(bundle, proteins, options, files, overwrite=overwrite, as_json=as_json)
    else:
        _answer(bundle, proteins, options, out, overwrite=overwrite, as_json=as_json)
    _tell_refused(proteins, out, overwrite=overwrite)


def _check_outputs(
    options: AnnotateOptions, out: Path | None, reliability: Path | None, *, overwrite: bool
) -> None:
    """All that can be said against the outputs before anything is computed."""
    from multiprot.errors import ConfigError
    from multiprot.files import refuse_existing
    from multiprot.search.tables import table_format

    question = "calibrate" if options.calibrate else "evaluate" if options.evaluate else None
    if options.calibrate and out is None:
        raise ConfigError("--calibrate writes a file; name it with --out calibration.json")
    if out is not None and question and out.suffix.lower() != ".json":
        raise ConfigError(f"--out {out}: --{question} writes JSON; name it *.json")
    if out is not None and not question:
        table_format(out)
    if reliability is not None:
        if options.evaluate is None:
            raise ConfigError("--reliability is a part of the measurement; add --evaluate FILE")
        table_format(reliability)
    written = [path for path in (out, reliability) if path is not None]
    for path in (*written, *([_refused_file(out)] if out is not None else [])):
        refuse_existing(path, overwrite=overwrite)


def _answer(
    bundle: Bundle,
    proteins: SharedVectors,
    options: AnnotateOptions,
    out: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    from multiprot.search.tables import write_table, write_text
    from multiprot.search.zero_shot.run import answer_rows

    columns, rows = answer_rows(bundle, proteins, options)
    if out is not None:
        written = write_table(out, columns, rows, overwrite=overwrite)
        summary = {"out": str(out), "rows": written, "refused": len(proteins.refused)}
        print(json.dumps(summary, indent=2) if as_json else f"{written:,} rows, in {out}")
    elif as_json:
        written = _print_json(dict(zip(columns, row, strict=True)) for row in rows)
    else:
        written = write_text(sys.stdout, columns, rows, delimiter="\t")
    if not written:
        print(
            f"note: nothing reaches a probability of {options.min_probability:g}; lower "
            "--min-probability to see more",
            file=sys.stderr,
        )


def _calibrate(
    bundle: Bundle,
    proteins: SharedVectors,
    options: AnnotateOptions,
    out: Path,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    from multiprot.ontology import NAMESPACES
    from multiprot.search.zero_shot.run import calibrate

    if options.calibrate is None:
        return
    made = calibrate(bundle, proteins, options, options.calibrate)
    made.save(out, overwrite=overwrite)
    counts = {space.value: made.proteins.get(space, 0) for space in NAMESPACES}
    for space, count in counts.items():
        if not count:
            print(f"note: {space}: no protein is annotated, stays as it is", file=sys.stderr)
    told = ", ".join(f"{space} {count:,}" for space, count in counts.items())
    summary = {"out": str(out), "proteins": counts, "refused": len(proteins.refused)}
    print(json.dumps(summary, indent=2) if as_json else f"calibrated on {told}, in {out}")


def _evaluate(
    bundle: Bundle,
    proteins: SharedVectors,
    options: AnnotateOptions,
    files: tuple[Path | None, Path | None],
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    from multiprot.files import atomic_file
    from multiprot.search.tables import write_table
    from multiprot.search.zero_shot.evaluate import RELIABILITY_COLUMNS
    from multiprot.search.zero_shot.run import evaluate

    if options.evaluate is None:
        return
    out, reliability = files
    report, exposed = evaluate(bundle, proteins, options, options.evaluate)
    content = {
        "model": {"name": bundle.name, "content_hash": bundle.content_hash},
        "annotations": str(options.evaluate),
        "min_probability": options.min_probability,
        "trained_on": exposed,
        **report.to_json(),
    }
    text = json.dumps(content, indent=1) + "\n"
    if out is not None:
        with atomic_file(out) as partial:
            partial.write_text(text, encoding="utf-8")
    if reliability is not None:
        rows = report.reliability_rows()
        write_table(reliability, RELIABILITY_COLUMNS, rows, overwrite=overwrite)
    print(text if as_json else _table(content["namespaces"]), end="")
    if exposed:
        print(
            f"warning: the model was trained or validated on {exposed:,} of the proteins; the "
            "figures flatter it",
            file=sys.stderr,
        )


def _table(namespaces: Mapping[str, Any]) -> str:
    """Figures as aligned text; ECE is the expected calibration error."""
    lines = []
    for space, told in namespaces.items():
        lines.append(
            f"{space}: {told['proteins']:,} proteins, {told['terms']:,} learnt terms\n"
            f"  {'':<20}{'Fmax':>7}  {'95 % interval':<14}{'Smin':>8}{'AUPR':>7}{'ECE':>8}"
            f"{'ECE, written':>14}"
        )
        for method, found in told["methods"].items():
            low, high = found.get("fmax_interval", (None, None))
            lines.append(
                f"  {method:<20}{_number(found['fmax'], 7, 3)}  "
                f"{f'{low:.3f} to {high:.3f}' if low is not None else '-':<14}"
                f"{_number(found['smin'], 8, 2)}{_number(found['aupr'], 7, 3)}"
                f"{_number(found['expected_calibration_error_all'], 8, 4)}"
                f"{_number(found['expected_calibration_error_written'], 14, 4)}"
            )
    return "\n".join(lines) + "\n"


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.{digits}f}"


def _tell_refused(proteins: SharedVectors, out: Path | None, *, overwrite: bool) -> None:
    """Refused proteins on stderr, and in a file beside the output."""
    from multiprot.search.tables import write_table
    from multiprot.search.zero_shot.rows import REFUSED_COLUMNS

    refused = proteins.refused
    if out is not None and overwrite:
        _refused_file(out).unlink(missing_ok=True)
    if not refused:
        return
    where = "" if out is None else f"; all are in {_refused_file(out)}"
    print(f"warning: {len(refused):,} proteins were refused{where}", file=sys.stderr)
    for failure in refused if out is None else refused[:_SHOWN]:
        print(f"  {failure.id}: {failure.reason}", file=sys.stderr)
    if out is not None:
        rows = ((failure.id, failure.reason) for failure in refused)
        write_table(_refused_file(out), REFUSED_COLUMNS, rows, overwrite=overwrite)


def _refused_file(out: Path) -> Path:
    return out.with_name(f"{out.name}.refused.tsv")


def _print_json(rows: Iterable[dict[str, Any]]) -> int:
    """One row a line, printed as they come; gives their number."""
    printed = 0
    for row in rows:
        print((",\n" if printed else "[\n") + json.dumps(row), end="")
        printed += 1
    print("\n]" if printed else "[]")
    return printed
