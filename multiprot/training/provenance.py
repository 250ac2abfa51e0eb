"""What a bundle says about how it came to be."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from multiprot.data import Corpus
from multiprot.training.config import PretrainConfig
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.parts import TrainingParts
from multiprot.training.results import Results
from multiprot.training.teachers.opening import told_of


def provenance_of(config: PretrainConfig, parts: TrainingParts, results: Results) -> dict[str, Any]:
    """Plain data for the model card: corpus, what was left out, settings, results."""
    corpus = parts.corpus
    manifest = corpus.manifest
    return {
        "name": config.name,
        "corpus": {
            "content_hash": corpus.content_hash,
            "proteins": len(corpus),
            "inputs": manifest.get("inputs"),
        },
        "exclusions": manifest.get("exclusion") or "Nothing; no exclusion list was applied.",
        "splits": manifest.get("counts"),
        "go": _ontology(parts),
        "teachers": told_of(parts.teachers, corpus),
        **training_told(config, results),
    }


def training_told(config: PretrainConfig | MaskedConfig, results: Results) -> dict[str, Any]:
    """How a run was made, what it reached, and the recipe's words for the card."""
    return {
        "training": {
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "date": datetime.now(UTC).date().isoformat(),
            "seconds": round(results.seconds, 1),
            "steps": results.steps,
            "seed": config.seed,
            "parameters": results.parameters,
            "recipe": config.model_dump(mode="json", exclude={"model", "name", "seed", "card"}),
        },
        "metrics": {
            row.name: {"valid": row.end, "baseline": row.baseline}
            for row in results.rows
            if row.end is not None
        },
    } | config.card.model_dump(exclude_none=True)


def learnt_sequences(corpus: Corpus) -> Iterator[str]:
    """Sequences of the splits that a model is trained and chosen by: all but "test"."""
    rows = zip(corpus.splits, corpus.columns("sequence"), strict=True)
    return (sequence for split, (sequence,) in rows if split != "test")


def _ontology(parts: TrainingParts) -> dict[str, Any] | None:
    ontology = parts.context.ontology
    if ontology is None or parts.labels is None:
        return None
    return {
        "release": ontology.release,
        "content_hash": ontology.content_hash,
        "terms_learnt": len(parts.labels.terms),
    }
