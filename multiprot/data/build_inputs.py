"""The tables of a corpus build, read and described."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from multiprot.data.assembly import Knowledge
from multiprot.data.build_options import CorpusBuildOptions
from multiprot.data.exclusion import Exclusion
from multiprot.data.split_table import read_splits
from multiprot.files import sha256
from multiprot.ontology import EvidenceFilter, GeneOntology, read_annotations
from multiprot.proteins import read_features

_FILES: Final = ("sequences", "annotations", "ontology", "features", "splits", "exclude")


def read_knowledge(options: CorpusBuildOptions) -> Knowledge:
    """Read every table that `options` names.

    Raises
    ------
    FileFormatError, OntologyError, DataError
        If one cannot be read or contradicts itself or the ontology.
    """
    known: dict[str, Any] = {}
    account: dict[str, Any] = {}
    if options.exclude is not None:
        known["exclusion"] = Exclusion.read(options.exclude, options.exclude_tasks)
    if options.splits is not None:
        known["splits"] = read_splits(options.splits)
    if options.features is not None:
        features = read_features(options.features)
        known["spans"] = features
        account["features_without_range"] = features.without_range
    if options.ontology is not None:
        ontology = GeneOntology.from_obo(options.ontology, regulates=options.regulates)
        known["ontology"] = ontology
        if options.annotations is not None:
            annotations = read_annotations(
                options.annotations,
                ontology,
                evidence=_evidence(options),
                on_unknown=options.unknown_terms,
                on_obsolete=options.unknown_terms,
                on_wrong_namespace=options.unknown_terms,
            )
            known["terms"], known["denied"] = annotations.terms, annotations.negated
            account["rows"] = annotations.report.to_json()
    return Knowledge(**known, derive_spans=options.derive_spans, account=account)


def describe_inputs(options: CorpusBuildOptions) -> dict[str, Any]:
    """Names and hashes of the input files, for the manifest."""
    found: dict[str, Any] = {}
    for name in _FILES:
        path: Path | None = getattr(options, name)
        if path is not None:
            found[name] = {"file": path.name, "sha256": sha256(path)}
    if options.structures is not None:
        found["structures"] = {"folder": options.structures.name}
    return found


def _evidence(options: CorpusBuildOptions) -> EvidenceFilter:
    if options.evidence:
        return EvidenceFilter(include=frozenset(options.evidence))
    return EvidenceFilter()
