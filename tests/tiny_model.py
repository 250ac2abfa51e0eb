"""A model small enough for tests, with every parameter random, so that nothing is idle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from multiprot.bundle import (
    BundleExtras,
    TermReadout,
    TrainedObjectives,
    TrainingSequences,
    save_bundle,
)
from multiprot.bundle import format as layout
from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.encoders.contract import ObjectiveContext
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import ObjectiveSection
from multiprot.fusion import FusionModel, ModelConfig, build_model
from multiprot.objectives import build_objectives
from multiprot.ontology import GeneOntology
from multiprot.proteins import RESIDUE_LETTERS

MAX_RESIDUES = 96

FILES = (
    *layout.REQUIRED,
    *(name for name in layout.OPTIONAL if name not in (layout.ADAPTERS, layout.PREDICTION)),
    layout.BUNDLE.file_name,
)
"""Files of the tiny bundle: all there may be, but for adapters and a head that predicts."""

CONFIG: dict[str, dict[str, Any]] = {
    "sequence": {
        "name": "residue-transformer",
        "options": {"width": 16, "layers": 2, "heads": 2, "max_residues": MAX_RESIDUES},
    },
    "structure": {
        "name": "residue-geometry",
        "options": {"width": 16, "layers": 1, "neighbours": 8},
    },
    "go": {"name": "term-table", "options": {"width": 8}},
    "fusion": {"width": 24, "layers": 1, "heads": 2, "shared_dim": 12},
}

SEEN = "MKTAYIAKQR"
"""A sequence that the tiny bundle says it was trained on."""

PROVENANCE = {
    "name": "tiny",
    "corpus": {"content_hash": "c0ffee", "proteins": {"train": 10, "valid": 1, "test": 1}},
    "exclusions": [{"list": "screen.tsv", "left_out": 3}],
    "licence": "CC0-1.0",
    "training": {"command": "multiprot pretrain tiny.yaml", "seed": 7},
    "metrics": {"loss": 1.25},
}


def tiny_ontology() -> GeneOntology:
    """The miniature ontology that the tiny model is bound to."""
    return mini_ontology(4)


def tiny_model(
    config: ModelConfig | None = None, *, seed: int = 0, registry: Registry | None = None
) -> FusionModel:
    """The model with noise on every parameter, in evaluation mode."""
    config = config or ModelConfig.model_validate(CONFIG)
    torch.manual_seed(seed)
    ontology = None if config.go is None else tiny_ontology()
    model = build_model(config, registry or Registry.discover(), ontology)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def tiny_extras() -> BundleExtras:
    """Objectives with random state, and a readout of three terms."""
    ontology = tiny_ontology()
    context = ObjectiveContext(
        width=24,
        shared_dim=12,
        ontology=ontology,
        term_frequencies=torch.linspace(0.01, 0.5, len(ontology)),
        residue_frequencies=torch.full((len(RESIDUE_LETTERS),), 1 / len(RESIDUE_LETTERS)),
    )
    sections = [
        ObjectiveSection(name="masked-residue", weight=0.5),
        ObjectiveSection(name="token-alignment"),
    ]
    torch.manual_seed(1)
    module = build_objectives(sections, Registry.discover(), context)
    readout = TermReadout(
        term_ids=ontology.term_ids[:3],
        log_prior=torch.tensor([-1.0, -2.0, -3.0]),
        scale=torch.tensor([4.0, 5.0, 6.0]),
        bias=torch.tensor([0.5, 0.0, -0.5]),
    )
    trained = TrainedObjectives(sections=sections, module=module, context=context)
    return BundleExtras(
        objectives=trained, readout=readout, trained_on=TrainingSequences.of([SEEN])
    )


def save_tiny_bundle(path: Path, *, seed: int = 0) -> Path:
    """The tiny model as a bundle with everything a bundle may have."""
    return save_bundle(
        path,
        model=tiny_model(seed=seed),
        model_config=ModelConfig.model_validate(CONFIG),
        ontology=tiny_ontology(),
        provenance=PROVENANCE,
        extras=tiny_extras(),
    )
