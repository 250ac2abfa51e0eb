"""Saved models need neither the files nor the folders that their GO encoders came from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.bundle import load_bundle, save_bundle
from multiprot.encoders.registry import Registry
from multiprot.fusion import ModelConfig, build_model
from multiprot.ontology import intrinsic_information
from multiprot.testing.ontology import toy_ontology


def options_of(kind: str, folder: Path, toy_vectors: Path, checkpoint: Path) -> dict[str, Any]:
    """Options that name something in `folder`."""
    if kind == "go-vectors":
        shutil.copy(toy_vectors, folder / "vectors.npz")
        return {"vectors": str(folder / "vectors.npz"), "width": 5}
    if kind == "go-text":
        shutil.copytree(checkpoint, folder / "bert")
        return {"checkpoint": str(folder / "bert"), "width": 5}
    bound = toy_ontology()
    rows = zip(bound.term_ids, 3 * intrinsic_information(bound), strict=True)
    path = folder / "information.tsv"
    path.write_text("".join(f"{term_id}\t{value}\n" for term_id, value in rows))
    return {"width": 16, "information": "file", "information_file": str(path)}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("go-graph", {}),
        ("go-vectors", {}),
        ("go-vectors", {"trainable": True}),
        ("go-text", {}),
        ("go-text", {"trainable": True}),
    ],
)
def test_a_bundle_stands_alone(
    kind: str, more: dict[str, Any], toy_vectors: Path, checkpoint: Path, tmp_path: Path
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    options = {**options_of(kind, sources, toy_vectors, checkpoint), **more}
    section = {"name": kind, "options": options}
    sequence = {"name": "residue-transformer", "options": {"width": 16, "layers": 1, "heads": 2}}
    config = ModelConfig.model_validate(
        {
            "sequence": sequence,
            "go": section,
            "fusion": {"width": 16, "layers": 1, "heads": 2, "shared_dim": 8},
        }
    )
    torch.manual_seed(0)
    bound = toy_ontology()
    model = build_model(config, Registry.discover(), bound).eval()
    terms = torch.arange(len(bound))
    expected = model.project_terms(terms).detach()
    path = save_bundle(
        tmp_path / "bundle", model=model, model_config=config, provenance={}, ontology=bound
    )
    shutil.rmtree(sources)
    again = load_bundle(path)
    assert torch.equal(again.model.project_terms(terms), expected)
    assert str(tmp_path) not in (path / "config.yaml").read_text()
    twice = save_bundle(
        tmp_path / "twice",
        model=again.model,
        model_config=again.config,
        provenance={},
        ontology=again.ontology,
    )
    assert load_bundle(twice).content_hash == again.content_hash
