"""`multiprot predict`: what a fine-tuned model says of proteins."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.errors import ConfigError, MultiprotError
from multiprot.evaluation.structures.options import StructureOptions
from multiprot.files import refuse_existing
from multiprot.finetuning.options import PredictOptions

if TYPE_CHECKING:
    from multiprot.embedding.embeddings import Failure
    from multiprot.finetuning import Predicted, Predictor
    from multiprot.proteins import ProteinRecord

_SHOWN: Final = 20


@with_section_options(StructureOptions, parameter="structures")
@with_section_options(PredictOptions)
def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="FASTA files, structure files, folders of them, a corpus, or - for FASTA on "
            "standard input; for pairs and ligands one table (CSV, TSV, Parquet) with the columns "
            "of the task.",
        ),
    ],
    model: Annotated[Path, typer.Option(help="Bundle that `multiprot finetune` made.")],
    out: Annotated[Path, typer.Option(help="Table to write, named *.csv, *.tsv or *.parquet.")],
    options: PredictOptions,
    structures: StructureOptions,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first entry that cannot be used.")
    ] = False,
    allow_other_versions: Annotated[
        bool, typer.Option("--allow-other-versions", help="Accept plugins of another version.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as JSON.")] = False,
) -> None:
    """Predict what a model was fine-tuned on, from sequences, and structures where it had them.

    One row for each protein, pair or residue: id, prediction and, for classes, probabilities. What
    cannot be used is left out and named on standard error.
    """
    from multiprot.evaluation.structures import StructureLibrary
    from multiprot.finetuning import Predictor
    from multiprot.finetuning.tables import prediction_columns, prediction_rows
    from multiprot.search.tables import table_format, write_table

    table_format(out)
    refuse_existing(out, overwrite=overwrite)
    predictor = Predictor.open(
        model,
        device=device,
        options=options,
        structures=StructureLibrary.of(structures),
        allow_other_versions=allow_other_versions,
    )
    refusals = _Refusals(strict=strict)
    settings = predictor.settings
    count = _Count(_predictions(predictor, inputs, refusals))
    rows = prediction_rows(settings, count)
    written = write_table(out, prediction_columns(settings), rows, overwrite=overwrite)
    refusals.tell()
    summary = {
        "out": str(out),
        "task": settings.task,
        "rows": written,
        "refused": dict(refusals.found),
    }
    told = f"{written:,} rows, in {out}"
    if settings.structures:
        summary["with_structure"] = count.structured
        told += f"; {count.structured:,} of {count.entries:,} entries with a structure"
    print(json.dumps(summary, indent=2) if as_json else told)


class _Count:
    """Predictions on their way, and how many of them used a structure."""

    def __init__(self, predictions: Iterator[Predicted]) -> None:
        self._predictions = predictions
        self.entries = self.structured = 0

    def __iter__(self) -> Iterator[Predicted]:
        for prediction in self._predictions:
            self.entries += 1
            self.structured += prediction.structured
            yield prediction


class _Refusals:
    """Entries that cannot be used, and why."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self.found: list[tuple[str, str]] = []

    def add(self, failure: Failure) -> None:
        if self._strict:
            raise MultiprotError(f"{failure.id}: {failure.reason}")
        self.found.append((failure.id, failure.reason))

    def tell(self) -> None:
        for name, reason in self.found[:_SHOWN]:
            print(f"refused: {name}: {reason}", file=sys.stderr)
        if len(self.found) > _SHOWN:
            print(f"refused: {len(self.found) - _SHOWN:,} more, see --json", file=sys.stderr)


def _predictions(
    predictor: Predictor, inputs: list[str], refusals: _Refusals
) -> Iterator[Predicted]:
    if not predictor.of_tables:
        yield from predictor.proteins(_records(inputs, refusals), on_failure=refusals.add)
        return
    from multiprot.finetuning.entries import read_entries

    if len(inputs) != 1:
        raise ConfigError(
            f"{len(inputs)} inputs: predictions for {predictor.settings.unit} entries take one "
            "table; give one"
        )
    entries = read_entries(Path(inputs[0]), predictor.settings)
    yield from predictor.entries(entries, on_failure=refusals.add)


def _records(inputs: list[str], refusals: _Refusals) -> Iterator[ProteinRecord]:
    from multiprot.embedding.embeddings import Failure
    from multiprot.embedding.reading.reader import InputReader

    seen: set[str] = set()
    with closing(InputReader(inputs)) as reader:
        for row in reader.rows():
            if row.record is None:
                refusals.add(Failure(row.id, row.reason or "cannot be read"))
            elif row.id in seen:
                refusals.add(Failure(row.id, "an earlier record has this id; rename one"))
            else:
                seen.add(row.id)
                yield row.record
