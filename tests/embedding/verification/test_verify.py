"""A model whose vectors depend on the company is found out; a sound one is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from multiprot.bundle import Bundle
from multiprot.cli.main import main
from multiprot.embedding import Embedder
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.embedding.models.encoder_model import EncoderModel
from multiprot.embedding.models.outputs import BatchOutputs
from multiprot.embedding.verification.proteins import trial_proteins
from multiprot.embedding.verification.verify import Verdict, verify_model
from multiprot.errors import EmbeddingError
from multiprot.proteins import ProteinRecord

TINY = ("layers=1", "width=16", "heads=2", "max_residues=100")


def verdict_of(embedder: Embedder) -> Verdict:
    structures = "structure" in embedder.modalities
    proteins = trial_proteins(embedder.max_residues, structures=structures)
    others = trial_proteins(embedder.max_residues, structures=structures, seed=1)
    return verify_model(embedder, proteins, others)


def test_a_sound_bundle_holds_in_every_company(bundle: Bundle) -> None:
    verdict = verdict_of(Embedder.from_bundle(bundle))
    assert verdict.holds
    by_company = {deviation.company: deviation for deviation in verdict.deviations}
    again = by_company["alone, again"]
    assert again.equal == again.proteins > 20
    assert again.largest == 0
    assert len(by_company) == 7


def test_a_sound_encoder_holds_in_every_company() -> None:
    assert verdict_of(Embedder.open("esm2", encoder_options=TINY)).holds


def test_proteins_are_the_same_each_time_and_other_with_another_seed() -> None:
    first, again, other = (trial_proteins(64, structures=True, seed=seed) for seed in (0, 0, 1))
    assert [r.sequence for r in first] == [r.sequence for r in again]
    assert not {r.sequence for r in first if len(r) > 3} & {r.sequence for r in other}
    assert max(len(record) for record in first) > 64
    assert any(record.structure is not None for record in first)
    assert len({record.id for record in first}) == len(first)


def shifted_by_company(outputs: BatchOutputs) -> BatchOutputs:
    """As a normalisation over the batch would."""
    return replace(outputs, vectors=outputs.vectors - outputs.vectors.mean(dim=0, keepdim=True))


def scaled_by_size(outputs: BatchOutputs) -> BatchOutputs:
    return replace(outputs, vectors=outputs.vectors * (1 + 1e-3 * len(outputs.vectors)))


def tokens_by_company(outputs: BatchOutputs) -> BatchOutputs:
    if outputs.tokens is None:
        return outputs
    return replace(outputs, tokens=outputs.tokens + 1e-3 * len(outputs.vectors))


@pytest.mark.parametrize("fault", [shifted_by_company, scaled_by_size, tokens_by_company])
@pytest.mark.parametrize("packed", [False, True])
def test_company_that_shows_in_vectors_or_residues_is_found(
    bundle: Bundle,
    fault: Callable[[BatchOutputs], BatchOutputs],
    packed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = EncoderModel if packed else BundleModel
    sound = home.forward

    def forward(self: Any, features: Any, *, residues: bool) -> BatchOutputs:
        return fault(sound(self, features, residues=residues))

    monkeypatch.setattr(home, "forward", forward)
    embedder = (
        Embedder.open("esm2", encoder_options=TINY) if packed else Embedder.from_bundle(bundle)
    )
    verdict = verdict_of(embedder)
    assert not verdict.holds
    assert verdict.largest > 10 * verdict.tolerance


def test_a_model_that_is_not_the_same_twice_is_found(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = BundleModel.forward

    def forward(self: Any, features: Any, *, residues: bool) -> BatchOutputs:
        outputs = sound(self, features, residues=residues)
        noise = 1e-2 * torch.randn_like(outputs.vectors)
        return replace(outputs, vectors=outputs.vectors + noise)

    monkeypatch.setattr(BundleModel, "forward", forward)
    verdict = verdict_of(Embedder.from_bundle(bundle))
    again = next(d for d in verdict.deviations if d.company == "alone, again")
    assert again.largest > verdict.tolerance
    assert again.equal == 0


def test_a_protein_lost_in_company_is_named(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Embedder.outcomes

    def outcomes(self: Embedder, records: Sequence[ProteinRecord], **more: Any) -> list[Any]:
        found: list[Any] = sound(self, records, **more)
        lost = EmbeddingError("lost")
        return (
            found
            if len(records) == 1
            else [lost if len(r) == 33 else o for r, o in zip(records, found, strict=True)]
        )

    monkeypatch.setattr(Embedder, "outcomes", outcomes)
    with pytest.raises(EmbeddingError, match=r"drawn-\d+-33: has a vector alone, but none all in"):
        verdict_of(Embedder.from_bundle(bundle))


def test_the_verb_prints_a_table_and_its_code_says_whether_it_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [part for option in TINY for part in ("--set", option)]
    assert main(["verify", "esm2", *options]) == 0
    told = capsys.readouterr()
    assert "alone, again" in told.out
    assert "holds: the largest difference is" in told.out
    assert "its weights are random" in told.err
    sound = EncoderModel.forward
    monkeypatch.setattr(
        EncoderModel,
        "forward",
        lambda self, f, *, residues: scaled_by_size(sound(self, f, residues=residues)),
    )
    assert main(["verify", "esm2", *options, "--json"]) == 2
    figures = json.loads(capsys.readouterr().out)
    assert figures["holds"] is False
    assert figures["largest"] > figures["tolerance"] == 1e-5
