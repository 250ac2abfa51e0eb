"""A task of GO function from a corpus, with the corpus's own splits."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from multiprot.data import Corpus
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks.specification import SPECIFICATION
from multiprot.files import atomic_folder
from multiprot.ontology import GeneOntology, Namespace

_ONTOLOGY: Final = "go.obo.gz"
_ROWS_AT_ONCE: Final = 1024


def go_task(
    corpus: Corpus,
    out: Path,
    *,
    name: str = "",
    namespace: Namespace = Namespace.FUNCTION,
    least_examples: int = 10,
) -> int:
    """Write a task folder that asks which terms of a namespace are true of each protein.

    Labels are propagated to ancestors, without the root. Proteins without a term of the namespace
    are left out.

    Parameters
    ----------
    corpus
        With an ontology and annotations.
    out
        Folder to make.
    name
        Of the task; empty: `go_` and the namespace.
    namespace
        Which terms.
    least_examples
        Terms of fewer training proteins are scored but not learnt.

    Returns
    -------
    int
        Entries that were written.

    Raises
    ------
    EvaluationError
        If the corpus has no ontology, or no protein has a term of the namespace.
    """
    ontology = corpus.ontology
    if ontology is None:
        raise EvaluationError(
            f"{corpus.path}: has no ontology; build it with --annotations and --ontology"
        )
    rows = list(_rows(corpus, ontology, namespace))
    if not rows:
        raise EvaluationError(f"{corpus.path}: no protein has a term of {namespace.value}")
    with atomic_folder(out) as folder:
        told = {
            "name": name or f"go_{namespace.value}",
            "task_type": "multilabel",
            "primary_metric": f"fmax_{namespace.value}",
            "label_separator": ";",
            "ontology": _ONTOLOGY,
            "least_examples": least_examples,
            "description": f"GO terms of {namespace.value}, propagated, scored as CAFA does",
            "source": {"corpus": corpus.content_hash, "ontology": ontology.release},
        }
        (folder / SPECIFICATION).write_text(json.dumps(told, indent=2), encoding="utf-8")
        pq.write_table(pa.Table.from_pylist(rows), folder / "data.parquet")
        _copy(corpus.path / corpus.manifest["go"]["file"], folder / _ONTOLOGY)
    return len(rows)


def _rows(corpus: Corpus, ontology: GeneOntology, namespace: Namespace) -> Iterator[dict[str, Any]]:
    for start in range(0, len(corpus), _ROWS_AT_ONCE):
        rows = range(start, min(start + _ROWS_AT_ONCE, len(corpus)))
        for row, record in zip(rows, corpus.read(rows), strict=True):
            terms = _terms(record.go_terms or frozenset(), ontology, namespace)
            if terms:
                yield {
                    "id": record.id,
                    "sequence": record.sequence,
                    "target": sorted(terms),
                    "split": str(corpus.splits[row]),
                }


def _terms(stated: frozenset[str], ontology: GeneOntology, namespace: Namespace) -> set[str]:
    found = {term for term in stated if ontology.namespace(term) is namespace}
    found |= {above for term in stated for above in ontology.ancestors(term)}
    return {t for t in found if ontology.namespace(t) is namespace} - set(ontology.roots)


def _copy(source: Path, target: Path) -> None:
    if source.suffix == ".gz":
        shutil.copyfile(source, target)
        return
    with source.open("rb") as plain, gzip.open(target, "wb") as packed:
        shutil.copyfileobj(plain, packed)
