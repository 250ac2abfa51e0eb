"""`multiprot search`: nearest neighbours in an embedding store, and GO terms that they pass on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.search.options import SearchOptions

if TYPE_CHECKING:
    from multiprot.embedding import EmbeddingStore
    from multiprot.search import AnnotationSource, NeighbourIndex
    from multiprot.search.tables import Row


@with_section_options(SearchOptions, renamed={"namespaces": "--namespace"})
def search(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Embedding store to search.")],
    queries: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...",
            help="Another embedding store by the same model, or ids of proteins in STORE.",
        ),
    ],
    options: SearchOptions,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write: .parquet, .csv or .tsv. Without, rows are printed."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Rows, or with --out a summary, as JSON.")
    ] = False,
) -> None:
    """Find the nearest neighbours of proteins, or the GO terms that neighbours pass on.

    Both as rows of a table: query, rank, neighbour and distance; or, with --annotations, query,
    term, name, namespace, confidence and the neighbours that support it.
    """
    from multiprot.embedding import EmbeddingStore
    from multiprot.files import refuse_existing
    from multiprot.search import neighbour_rows, read_queries
    from multiprot.search.results import NEIGHBOUR_COLUMNS, TERM_COLUMNS
    from multiprot.search.tables import table_format

    if out is not None:
        table_format(out)
        refuse_existing(out, overwrite=overwrite)
    opened = EmbeddingStore.open(store)
    asked = read_queries(opened, queries)
    if options.annotations is not None:
        rows, columns = _terms(opened, asked, options, options.annotations), TERM_COLUMNS
    else:
        index = _index(opened, options)
        rows = neighbour_rows(index, asked, options.k, exclude_self=not options.include_self)
        columns = NEIGHBOUR_COLUMNS
    _give(rows, columns, out, overwrite=overwrite, as_json=as_json)


def _index(store: EmbeddingStore, options: SearchOptions) -> NeighbourIndex:
    from multiprot.search import NeighbourIndex, load_index, save_index

    folder = options.index
    if folder is None and not options.approximate:
        return NeighbourIndex.build(store, metric=options.metric)
    if folder is not None and folder.exists():
        index = load_index(folder, store, options.metric, recall=options.recall)
    else:
        index = NeighbourIndex.build_approximate(
            store, metric=options.metric, recall=options.recall
        )
        if folder is not None:
            save_index(index, store, folder)
    made = index.inverted_file
    if made is not None:
        print(
            f"note: approximate, {made.probes:,} of {made.lists:,} lists are looked into; of the "
            f"nearest 10 of a sample of the store {made.recall:.1%} were found",
            file=sys.stderr,
        )
    return index


def _terms(
    store: EmbeddingStore, asked: Iterator[Any], options: SearchOptions, annotations: Path
) -> Iterator[Row]:
    from multiprot.search import NeighbourIndex, TransferOptions, read_lookups, term_rows

    lookups = read_lookups(_source(options, annotations), store.ids)
    for lookup in lookups:
        print(
            f"note: {lookup.namespace or 'terms'}: {int(lookup.annotated.sum()):,} of "
            f"{len(store):,} proteins in the store are annotated",
            file=sys.stderr,
        )
    how = TransferOptions(
        k=options.k,
        exclude_self=not options.include_self,
        half_distance=options.half_distance,
        least_confidence=options.min_confidence,
    )
    return term_rows(NeighbourIndex.build(store, metric=options.metric), lookups, asked, how)


def _source(options: SearchOptions, annotations: Path) -> AnnotationSource:
    from multiprot.ontology import EvidenceFilter, GeneOntology
    from multiprot.ontology.namespace import ASPECTS
    from multiprot.search import AnnotationSource

    codes = frozenset(options.evidence) or None
    return AnnotationSource(
        path=annotations,
        ontology=None if options.ontology is None else GeneOntology.from_obo(options.ontology),
        evidence=EvidenceFilter(include=codes),
        on_unusable=options.unknown_terms,
        namespaces=tuple(ASPECTS[name].value for name in options.namespaces),
    )


def _give(
    rows: Iterable[Row],
    columns: dict[str, str],
    out: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    from multiprot.search.tables import write_table, write_text

    if out is not None:
        written = write_table(out, columns, rows, overwrite=overwrite)
        summary = {"out": str(out), "rows": written}
        print(json.dumps(summary, indent=2) if as_json else f"{written:,} rows, in {out}")
    elif as_json:
        _print_json(dict(zip(columns, row, strict=True)) for row in rows)
    else:
        write_text(sys.stdout, columns, rows, delimiter="\t")


def _print_json(rows: Iterator[dict[str, Any]]) -> None:
    """One row a line, printed as they come."""
    before = "[\n"
    for row in rows:
        print(before + json.dumps(row), end="")
        before = ",\n"
    print("[]" if before == "[\n" else "\n]")
