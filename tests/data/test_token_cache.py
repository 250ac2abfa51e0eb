"""Tokens from the cache are the encoder's own, filed under all that decides them."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.data import Corpus
from multiprot.data.token_cache import fill as filling
from multiprot.data.token_cache.encode import TokenSource, encode
from multiprot.data.token_cache.folder import TokenFolder
from multiprot.data.token_cache.reader import Excerpt, TokenReader
from multiprot.encoders.contract import Layout
from multiprot.encoders.plugin import Modality
from multiprot.errors import DataError, PluginError
from multiprot.proteins import ProteinRecord
from tests.data.token_cache import filled, source_of

BOTH = pytest.mark.parametrize("modality", [Modality.SEQUENCE, Modality.STRUCTURE])


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some twenty shards instead of one."""
    monkeypatch.setattr(filling, "SHARD_BYTES", 8_000)


def live(source: TokenSource, record: ProteinRecord) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        tokens = source.encoder(source.encoder.featurizer([record], Layout.PADDED))
    return tokens.values[0], tokens.mask[0]


def bearing(corpus: Corpus, modality: Modality) -> list[ProteinRecord]:
    rows = np.flatnonzero(corpus.has_structure) if modality is Modality.STRUCTURE else None
    return corpus.read(np.arange(len(corpus)) if rows is None else rows)


@BOTH
def test_cached_tokens_are_the_live_ones(
    corpus: Corpus, tmp_path: Path, modality: Modality, small_shards: None
) -> None:
    source = source_of(modality)
    folder, plan = filled(tmp_path, source, corpus)
    reader, records = TokenReader(folder, source.inputs), bearing(corpus, modality)
    assert len(list(folder.path.glob("tokens-*"))) > 3
    assert plan.proteins == len(records) == len(reader)
    for record in records:
        values, mask = reader.tokens(record)
        expected, expected_mask = live(source, record)
        assert torch.equal(mask, expected_mask)
        torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "rounding"), [("bf16", 2**-8), ("fp16", 2**-11)])
def test_half_the_room_costs_digits_and_nothing_else(
    corpus: Corpus, tmp_path: Path, dtype: Any, rounding: float
) -> None:
    exact, half = source_of(), source_of(dtype=dtype)
    folders = [filled(tmp_path, source, corpus)[0] for source in (exact, half)]
    assert folders[0].path != folders[1].path
    one, other = (TokenReader(folder, exact.inputs) for folder in folders)
    for record in corpus.read([0, 5]):
        stored = other.tokens(record)[0]
        assert stored.dtype == half.identity.torch_dtype
        torch.testing.assert_close(stored.float(), one.tokens(record)[0], rtol=rounding, atol=1e-7)
    sizes = [sum(p.stat().st_size for p in f.path.glob("tokens-*")) for f in folders]
    assert 0.5 < sizes[1] / sizes[0] < 0.6


@BOTH
def test_estimate_is_what_is_written(corpus: Corpus, tmp_path: Path, modality: Modality) -> None:
    said: list[str] = []
    folder, plan = filled(tmp_path, source_of(modality), corpus, said=said)
    written = sum(path.stat().st_size for path in folder.path.glob("tokens-*"))
    assert plan.bytes <= written <= plan.bytes + 600
    assert f"{plan.residues:,} residues x 8 channels in fp32" in said[0]


def test_batches_are_cut_padded_and_hidden(corpus: Corpus, tmp_path: Path) -> None:
    source = source_of()
    reader = TokenReader(filled(tmp_path, source, corpus)[0], source.inputs)
    one, two, three = corpus.read([0, 1, 2])
    batch = reader(
        [Excerpt(one, 3, 20), Excerpt(two, 0, len(two)), Excerpt(three, 0, len(three), shown=False)]
    )
    longest = max(17, len(two), len(three))
    assert batch.values.shape == (3, longest, 8)
    assert torch.equal(batch.values[0, :17], reader.tokens(one)[0][3:20])
    assert torch.equal(batch.values[1, : len(two)], reader.tokens(two)[0])
    assert batch.mask.sum(1).tolist() == [17, len(two), 0]
    assert not batch.values[~batch.mask].any()


def test_second_call_computes_nothing_and_reads_no_protein(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of()
    filled(tmp_path, source, corpus)
    monkeypatch.setattr(source.encoder, "forward", None)
    monkeypatch.setattr(Corpus, "columns", None)
    said: list[str] = []
    assert filled(tmp_path, source, corpus, said=said)[1].proteins == 0
    assert said == []


def test_progress_moves_with_every_batch(corpus: Corpus, tmp_path: Path) -> None:
    source, steps = source_of(), list[tuple[str, int, int | None]]()
    filled(tmp_path, source, corpus, progress=lambda *told: steps.append(told))
    total = int(corpus.lengths.sum())
    assert len(steps) > total // source.tokens_per_batch
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert steps[0] == ("encoding with frozen-letters", 0, total)
    assert steps[-1] == ("encoding with frozen-letters", total, total)


def test_only_what_is_missing_is_encoded(corpus: Corpus, tmp_path: Path) -> None:
    source = source_of()
    assert filled(tmp_path, source, corpus, rows=[0, 3, 4])[1].proteins == 3
    folder, plan = filled(tmp_path, source, corpus)
    assert plan.proteins == len(corpus) - 3
    assert len(TokenReader(folder, source.inputs)) == len(corpus)


@BOTH
def test_same_protein_under_other_names_is_encoded_once(
    write_corpus: Any, pairs: list[tuple[ProteinRecord, str]], tmp_path: Path, modality: Modality
) -> None:
    record = next(record for record, _ in pairs if record.structure is not None)
    twins = [(replace(record, id=f"twin{n}", go_terms=None), "train") for n in range(3)]
    corpus = write_corpus(twins, "twins")
    assert filled(tmp_path, source_of(modality), corpus)[1].proteins == 1


def test_changed_protein_is_another(corpus: Corpus, tmp_path: Path) -> None:
    for modality in (Modality.SEQUENCE, Modality.STRUCTURE):
        source = source_of(modality)
        reader = TokenReader(filled(tmp_path, source, corpus)[0], source.inputs)
        record = bearing(corpus, Modality.STRUCTURE)[0]
        reader.tokens(replace(record, id="renamed", go_terms=None, features=()))
        with pytest.raises(DataError, match=rf"record {record.id}.*as it is now.*data cache"):
            reader.tokens(replace(record, sequence="W" + record.sequence[1:]))
        moved = replace(record.structure, coordinates=record.structure.coordinates + 1)
        if modality is Modality.SEQUENCE:
            reader.tokens(replace(record, structure=None))
        else:
            with pytest.raises(DataError, match="no tokens"):
                reader.tokens(replace(record, structure=moved))


def test_hash_of_a_row_is_the_hash_of_its_record(corpus: Corpus) -> None:
    for modality in (Modality.SEQUENCE, Modality.STRUCTURE):
        inputs = source_of(modality).inputs
        found = dict(inputs.rows(corpus, np.arange(len(corpus))))
        assert len(found) == len(bearing(corpus, modality))
        for row, digest in found.items():
            assert inputs.of(corpus.read([row])[0]) == digest


def test_key_follows_options_weights_version_and_dtype(tmp_path: Path) -> None:
    base = source_of().identity
    assert source_of().identity.key == base.key
    others = [
        source_of(gain=2.0).identity,
        source_of(seed=1).identity,
        source_of(dtype="bf16").identity,
        source_of(Modality.STRUCTURE).identity,
        replace(base, plugin=replace(base.plugin, version="2")),
        replace(base, plugin=replace(base.plugin, distribution="another")),
        replace(base, plugin=replace(base.plugin, api_version=2)),
    ]
    assert len({identity.folder for identity in (base, *others)}) == len(others) + 1


def test_manifest_tells_what_it_was(corpus: Corpus, tmp_path: Path) -> None:
    folder, _ = filled(tmp_path, source_of(), corpus)
    told = json.loads((folder.path / "manifest.json").read_text())
    assert told["plugin"]["name"] == "frozen-letters"
    assert told["plugin"]["options"]["gain"] == 1.0
    assert (told["token_dim"], told["dtype"], len(told["weights"])) == (8, "fp32", 64)
    told["weights"] = "0" * 64
    (folder.path / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"another encoder.*weights.*remove the folder"):
        filled(tmp_path, source_of(), corpus)


def test_reader_pickles_and_reads_on(corpus: Corpus, tmp_path: Path) -> None:
    source = source_of()
    reader = TokenReader(filled(tmp_path, source, corpus)[0], source.inputs)
    record = corpus.read([0])[0]
    values, _ = reader.tokens(record)
    again = pickle.loads(pickle.dumps(reader))  # noqa: S301
    assert torch.equal(again.tokens(record)[0], values)


def test_encoder_is_left_as_it_was(corpus: Corpus, tmp_path: Path) -> None:
    source = source_of(frozen=False)
    source.encoder.train()
    filled(tmp_path, source, corpus)
    assert source.encoder.training
    assert all(p.grad is None for p in source.encoder.parameters())


def test_too_long_a_protein_stops_before_anything_is_computed(
    lengths_corpus: Any, tmp_path: Path
) -> None:
    corpus = lengths_corpus([30, 80, 90])
    source = source_of(max_residues=40)
    with pytest.raises(
        DataError, match=r"2 of 3 proteins.*the 40 residues.*first p1 with 80.*window"
    ):
        filled(tmp_path, source, corpus)
    assert not list(TokenFolder(tmp_path, source.identity).path.glob("tokens-*"))


def test_windows_cover_a_long_protein_and_leave_short_ones_alone(
    lengths_corpus: Any, tmp_path: Path
) -> None:
    corpus = lengths_corpus([30, 80, 333])
    source, said = source_of(max_residues=40, windows=True), list[str]()
    folder, plan = filled(tmp_path, source, corpus, said=said)
    reader = TokenReader(folder, source.inputs)
    assert plan.long == 2
    assert "2 of them in windows" in said[0]
    for record in corpus.read([0, 1, 2]):
        values, mask = reader.tokens(record)
        assert values.shape == (len(record), 8)
        assert mask.all()
        first, _ = live(source, record.crop(0, min(40, len(record))))
        torch.testing.assert_close(values[:10], first[:10], rtol=1e-5, atol=1e-6)


def test_numbers_too_large_for_the_format_are_named(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"record .*frozen-letters.*too large for fp16.*bf16"):
        filled(tmp_path, source_of(gain=1e6, dtype="fp16"), corpus)
    filled(tmp_path, source_of(gain=1e6, dtype="bf16"), corpus)
    with pytest.raises(DataError, match=r"record .*frozen-letters gives NaN or infinity"):
        filled(tmp_path, source_of(gain=1e39), corpus)


def test_wrong_shape_is_the_plugins_fault(corpus: Corpus) -> None:
    source = source_of()
    wrong = replace(source, identity=replace(source.identity, token_dim=9))
    with torch.no_grad(), pytest.raises(PluginError, match=r"frozen-letters: tokens .*9 channels"):
        encode(wrong, corpus.read([0]), print)
