"""Windows and residues without a token: nothing is cut, nothing is made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from multiprot.bundle import Bundle
from multiprot.data.windows import plan_windows
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.errors import EmbeddingError
from tests.embedding.proteins import Records, close, long_record, without_tokens
from tests.tiny_model import MAX_RESIDUES, tiny_model


def test_unresolved_residues_are_nan_in_structure_tokens_and_numbers_elsewhere(
    bundle: Bundle, embedder: Embedder, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    record = without_tokens(whole, slice(3, 7))
    assert record.structure is not None
    alone = Embedder.from_bundle(
        bundle, options=EmbedOptions(modalities="structure")
    ).embed_residues([record])
    assert alone.residues is not None
    missing = np.asarray(np.isnan(alone.residues[0]).all(axis=1))
    assert missing[3:7].all()
    np.testing.assert_array_equal(missing, ~record.structure.has_frame)
    both = embedder.embed_residues([record])
    assert both.residues is not None
    assert np.isfinite(both.residues[0]).all()


def test_a_structure_without_a_resolved_residue_counts_as_none(
    bundle: Bundle, embedder: Embedder, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    blank = without_tokens(whole, slice(None))
    assert embedder.embed([blank]).modalities == (("sequence",),)
    with pytest.raises(EmbeddingError, match="no resolved structure"):
        Embedder.from_bundle(bundle, options=EmbedOptions(modalities="structure")).embed([blank])


def test_a_structure_of_lone_atoms_gives_no_vector_from_structure(
    bundle: Bundle, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    structure = whole.structure
    assert structure is not None
    present = structure.present.copy()
    present[:, :3] = False
    stripped = replace(
        structure,
        coordinates=np.where(present[..., None], structure.coordinates, np.float32("nan")),
        present=present,
    )
    embedder = Embedder.from_bundle(bundle, options=EmbedOptions(modalities="structure"))
    with pytest.raises(EmbeddingError, match=r"not one of its \d+ residues gave a token"):
        embedder.embed([replace(whole, structure=stripped)])


@pytest.mark.parametrize("length", [97, 150, 192, 500])
def test_long_proteins_are_windowed_and_nothing_is_cut(embedder: Embedder, length: int) -> None:
    record = long_record(length)
    windows = plan_windows(length, MAX_RESIDUES, 64)
    found = embedder.embed_residues([record, long_record(20)])
    assert found.windows.tolist() == [len(windows), 1]
    assert found.residues is not None
    assert found.residues[0].shape == (length, 24)
    assert np.isfinite(found.residues[0]).all()
    parts = embedder.embed_residues(
        replace(record.crop(*window), id=f"part{number}") for number, window in enumerate(windows)
    )
    assert parts.residues is not None
    first, last = windows[0], windows[-1]
    alone = windows[1][0] - first[0]
    assert close(found.residues[0][:alone], parts.residues[0][:alone])
    assert close(
        found.residues[0][length - alone :], parts.residues[-1][last[1] - last[0] - alone :]
    )
    assert np.abs(found.vectors[0]).max() <= np.abs(parts.vectors).max() * (1 + 1e-6)


def test_a_change_of_the_last_residue_of_a_long_protein_is_seen(embedder: Embedder) -> None:
    record = long_record(300)
    last = "A" if record.sequence[-1] != "A" else "W"
    changed = replace(record, sequence=record.sequence[:-1] + last)
    assert not close(embedder.embed([changed]).vectors[0], embedder.embed([record]).vectors[0])


def test_a_window_without_resolved_residues_uses_the_others(
    bundle: Bundle, tiny_records: Records
) -> None:
    whole = next(record for record in tiny_records if record.structure is not None)
    record = without_tokens(whole, slice(0, len(whole) // 2))
    options = EmbedOptions(modalities="structure", max_residues=len(whole) // 2, window_overlap=0)
    found = Embedder.from_bundle(bundle, options=options).embed_residues([record])
    assert found.windows[0] > 1
    assert np.isfinite(found.vectors).all()
    assert found.residues is not None
    assert np.isnan(found.residues[0][: len(whole) // 2]).all()


def test_vectors_that_are_no_numbers_are_refused(bundle: Bundle) -> None:
    model = tiny_model()
    with torch.no_grad():
        next(iter(model.pool.parameters())).fill_(float("nan"))
    with pytest.raises(EmbeddingError, match="long20: its vector holds NaN"):
        Embedder.from_bundle(replace(bundle, model=model)).embed([long_record(20)])
