"""`multiprot search`: nearest neighbours in an embedding store, and GO terms that they pass on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from multiprot.embedding import EmbeddingStore
    from multiprot.search import Lookup, NeighbourIndex


class _Metric(StrEnum):
    COSINE = "cosine"
    EUCLIDEAN = "euclidean"


class _Namespace(StrEnum):
    FUNCTION = "molecular_function"
    PROCESS = "biological_process"
    COMPONENT = "cellular_component"


class _OnUnusable(StrEnum):
    ERROR = "error"
    SKIP = "skip"


def search(
    store: Annotated[Path, typer.Argument(help="Embedding store to search.")],
    queries: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...",
            help="Another embedding store by the same model, or ids of proteins in STORE.",
        ),
    ],
    k: Annotated[int, typer.Option("--k", min=1, help="Neighbours of each query.")] = 10,
    metric: Annotated[
        _Metric, typer.Option(help="Distance: 1 - cosine, or the length of the difference.")
    ] = _Metric.COSINE,
    exclude_self: Annotated[
        bool,
        typer.Option(
            "--exclude-self/--include-self", help="Leave out the protein of the query's own id."
        ),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write: .parquet, .csv or .tsv. Default: print as TSV."),
    ] = None,
    approximate: Annotated[
        bool,
        typer.Option(
            "--approximate", help="Look at a part of the store only (needs multiprot[search])."
        ),
    ] = False,
    recall: Annotated[
        float,
        typer.Option(help="Share of the nearest 10 that an approximate index must find."),
    ] = 0.95,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep the approximate index in this folder; built if it is not there.",
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="GAF, GPAD or TSV: give GO terms of the neighbours instead of them."),
    ] = None,
    ontology: Annotated[
        Path | None, typer.Option(help="OBO file: carry terms up to their ancestors.")
    ] = None,
    namespace: Annotated[
        list[_Namespace] | None, typer.Option(help="Terms wanted; repeat for several. All.")
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(help="Evidence codes that count; repeat for several. All but ND."),
    ] = None,
    unknown_terms: Annotated[
        _OnUnusable,
        typer.Option(help="Annotations whose term the ontology does not have: stop, or leave out."),
    ] = _OnUnusable.ERROR,
    half_distance: Annotated[
        float, typer.Option(help="Euclidean distance at which two proteins are half similar.")
    ] = 0.5,
    min_confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Leave out terms below it.")
    ] = 0.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Results, or with --out a summary, as JSON.")
    ] = False,
) -> None:
    """Find the nearest neighbours of proteins, or the GO terms that neighbours pass on.

    Both as rows of a table: query, rank, neighbour and distance, or query, term, name, namespace,
    confidence and the neighbours that support it.
    """
    from multiprot.embedding import EmbeddingStore
    from multiprot.files import refuse_existing
    from multiprot.search import (
        NeighbourIndex,
        TransferOptions,
        neighbour_rows,
        read_queries,
        term_rows,
    )
    from multiprot.search.results import NEIGHBOUR_COLUMNS, TERM_COLUMNS
    from multiprot.search.tables import table_format

    if out is not None:
        table_format(out)
        refuse_existing(out, overwrite=overwrite)
    opened = EmbeddingStore.open(store)
    asked = read_queries(opened, queries)
    if annotations is None:
        _refuse_without_annotations(ontology, namespace, evidence)
        made = _index(opened, metric, approximate, recall, index)
        rows = neighbour_rows(made, asked, k, exclude_self=exclude_self)
        columns = NEIGHBOUR_COLUMNS
    else:
        _refuse_approximate(approximate, index)
        lookups = _lookups(opened, annotations, ontology, namespace, evidence, unknown_terms)
        made = NeighbourIndex.build(opened, metric=metric.value)
        options = TransferOptions(k, exclude_self, half_distance, min_confidence)
        rows = term_rows(made, lookups, asked, options)
        columns = TERM_COLUMNS
    _give(rows, columns, out, overwrite=overwrite, as_json=as_json)


def _index(
    store: EmbeddingStore, metric: _Metric, approximate: bool, recall: float, folder: Path | None
) -> NeighbourIndex:
    from multiprot.search import NeighbourIndex, load_index, save_index

    if folder is None and not approximate:
        return NeighbourIndex.build(store, metric=metric.value)
    if folder is not None and folder.exists():
        made = load_index(folder, store, metric.value)
    else:
        made = NeighbourIndex.build_approximate(store, metric=metric.value, recall=recall)
        if folder is not None:
            save_index(made, store, folder)
    _tell_recall(made)
    return made


def _tell_recall(index: NeighbourIndex) -> None:
    made = index.inverted_file
    if made is not None:
        print(
            f"note: approximate, {made.probes:,} of {made.lists:,} lists are looked into; of the "
            f"nearest 10 of a sample of the store {made.recall:.1%} were found",
            file=sys.stderr,
        )


def _lookups(
    store: EmbeddingStore,
    annotations: Path,
    ontology: Path | None,
    namespaces: list[_Namespace] | None,
    evidence: list[str] | None,
    on_unusable: _OnUnusable,
) -> list[Lookup]:
    from multiprot.ontology import EvidenceFilter, GeneOntology
    from multiprot.search import AnnotationSource, read_lookups

    source = AnnotationSource(
        path=annotations,
        ontology=None if ontology is None else GeneOntology.from_obo(ontology),
        evidence=EvidenceFilter(include=frozenset(evidence)) if evidence else EvidenceFilter(),
        on_unusable=on_unusable.value,
        namespaces=tuple(namespace.value for namespace in namespaces or ()),
    )
    lookups = read_lookups(source, store.ids)
    for lookup in lookups:
        print(
            f"note: {lookup.namespace or 'terms'}: {int(lookup.annotated.sum()):,} of "
            f"{len(store):,} proteins in the store are annotated",
            file=sys.stderr,
        )
    return lookups


def _refuse_without_annotations(*given: object) -> None:
    from multiprot.errors import ConfigError

    if any(value for value in given):
        raise ConfigError(
            "--ontology, --namespace and --evidence are about annotations; add --annotations FILE"
        )


def _refuse_approximate(approximate: bool, folder: Path | None) -> None:
    from multiprot.errors import ConfigError

    if approximate or folder is not None:
        raise ConfigError(
            "with --annotations only the annotated proteins are searched, and always exactly; "
            "drop --approximate and --index"
        )


def _give(
    rows: Iterable[tuple[Any, ...]],
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
