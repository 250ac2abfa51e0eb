"""What a teacher reads of structure: from its bundle to the student, and into the student's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.bundle import (
    BundleExtras,
    TrainedObjectives,
    load_bundle,
    save_bundle,
)
from multiprot.cli.main import main
from multiprot.data import Corpus
from multiprot.encoders.contract import ObjectiveContext
from multiprot.encoders.registry import Registry
from multiprot.encoders.section import ObjectiveSection
from multiprot.fusion import ModelConfig
from multiprot.objectives import build_objectives
from multiprot.training.teachers.config import TeacherConfig
from multiprot.training.teachers.heads import structure_heads
from tests.tiny_model import CONFIG, PROVENANCE, tiny_model, tiny_ontology

STRUCTURE: list[dict[str, Any]] = [
    {"name": "fold-state"},
    {"name": "dihedral", "options": {"angles": ["phi", "psi"]}},
    {"name": "pairwise-distance", "options": {"bins": 7}},
]


def saved(folder: Path, objectives: list[dict[str, Any]]) -> Path:
    """The tiny model that was trained to read structure."""
    sections = [ObjectiveSection.model_validate(each) for each in objectives]
    context = ObjectiveContext(width=24, shared_dim=12)
    module = build_objectives(sections, Registry.discover(), context)
    trained = TrainedObjectives(sections=sections, module=module, context=context)
    return save_bundle(
        folder,
        model=tiny_model(),
        model_config=ModelConfig.model_validate(CONFIG),
        ontology=tiny_ontology(),
        provenance=PROVENANCE,
        extras=BundleExtras(objectives=trained),
    )


def test_weights_are_those_of_the_bundle(tmp_path: Path) -> None:
    bundle = saved(tmp_path / "bundle", STRUCTURE)
    found = structure_heads(TeacherConfig(model=str(bundle), residues=True))
    objectives = load_bundle(bundle).load_objectives().objectives
    told = {
        f"{name}.{part}": tensor
        for name, objective in objectives.items()
        for part, tensor in objective.head.state_dict().items()  # type: ignore[union-attr]
    }
    assert found.keys() == told.keys()
    assert all(torch.equal(found[name], told[name]) for name in told)
    assert len(found["pairwise-distance.last.bias"]) == 7
    assert len(found["dihedral.2.bias"]) == 4


def test_a_teacher_without_tokens_or_bundle_or_such_objectives_has_none(
    tmp_path: Path, bundle: Path
) -> None:
    readable = saved(tmp_path / "bundle", STRUCTURE)
    assert structure_heads(TeacherConfig(model=str(readable))) == {}
    assert structure_heads(TeacherConfig(model="baseline:kmer", residues=True)) == {}
    assert structure_heads(TeacherConfig(store=readable, residues=True)) == {}
    assert structure_heads(TeacherConfig(model=str(bundle), residues=True)) == {}


def test_angles_without_a_distribution_are_left_out(tmp_path: Path) -> None:
    legacy = [STRUCTURE[0], {"name": "dihedral", "options": {"legacy": True}}]
    found = structure_heads(
        TeacherConfig(model=str(saved(tmp_path / "bundle", legacy)), residues=True)
    )
    assert found.keys() == {"fold-state.weight", "fold-state.bias"}


@pytest.mark.parametrize("stored", [False, True])
def test_a_student_learns_them_and_its_bundle_loads(
    corpus: Corpus, tmp_path: Path, stored: bool
) -> None:
    teacher = saved(tmp_path / "bundle", STRUCTURE)
    recipe = tmp_path / "small.yaml"
    store = tmp_path / "store" if stored else "null"
    recipe.write_text(
        f"""
name: small
corpus: {{path: {corpus.path}}}
teachers: {{tiny: {{model: {teacher}, store: {store}, residues: true}}}}
model:
  sequence: {{name: residue-transformer, options: {{width: 16, layers: 1, heads: 2}}}}
  fusion: {{residues: alone, layers: 0, pooling: mean, width: 16}}
objectives: [{{name: distill-structure}}]
batch: {{tokens_per_batch: 1000, crop_residues: 30}}
optimizer: {{peak_lr: 1.0e-2}}
schedule: {{warmup_steps: 2}}
averaging: {{decay: null}}
trainer: {{max_steps: 40, validate_every: 20, accelerator: cpu}}
"""
    )
    if stored:
        assert main(["teach", str(recipe)]) == 0
    assert main(["distill", str(recipe), "--out", str(tmp_path / "run")]) == 0
    rows = (tmp_path / "run" / "results.json").read_text()
    for part in ("fold-state", "dihedral", "pairwise-distance"):
        assert f"distill-structure/tiny/{part}" in rows
    student = load_bundle(tmp_path / "run" / "bundle")
    objective = student.load_objectives().objectives["distill-structure"]
    # Its teacher's heads came along: they say what its loss would be.
    weights = objective.theirs[0].weights  # type: ignore[union-attr, index]
    expected = structure_heads(TeacherConfig(model=str(teacher), residues=True))
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
