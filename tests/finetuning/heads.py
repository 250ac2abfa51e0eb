"""Models that predict without having learnt anything, and proteins to ask them about."""

from __future__ import annotations

from pathlib import Path

from multiprot.bundle import BundleExtras, PredictionHead, load_bundle, save_bundle
from multiprot.proteins import ProteinRecord


def with_head(bundle: Path, out: Path, head: PredictionHead) -> Path:
    """The bundle with a head, saved at `out`."""
    base = load_bundle(bundle)
    return save_bundle(
        out,
        model=base.model,
        model_config=base.config,
        provenance={"name": "made"},
        ontology=base.ontology,
        extras=BundleExtras(prediction=head),
        overwrite=True,
    )


def proteins_of(*lengths: int) -> list[ProteinRecord]:
    """Proteins p0, p1 … of these lengths."""
    return [
        ProteinRecord(id=f"p{number}", sequence=("KLDEVAGH" * length)[:length])
        for number, length in enumerate(lengths)
    ]
