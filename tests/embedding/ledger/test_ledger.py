"""A row for every input, with what became of it; the store's rows in the order of the input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.embedding import EmbeddingStore
from multiprot.errors import EmbeddingError
from multiprot.proteins import ProteinRecord
from tests.embedding.fake_model import Passes, fake_embedder, tokens_of, vector_of
from tests.embedding.ledger.runs import embedded, fasta, ledger_of, small

LIMIT = 12
BAD = "WWW"


def refuse_bad(records: Sequence[ProteinRecord]) -> None:
    for record in records:
        if BAD in record.sequence:
            raise ValueError(f"cannot bear {record.sequence}")


SEQUENCES = st.text("ACDE", min_size=1, max_size=8) | st.sampled_from(
    ["A" * 13, "CD" * 20, f"A{BAD}", f"C{BAD}D", "AC1", ""]
)
INPUTS = st.lists(
    st.tuples(st.sampled_from([f"id{n}" for n in range(12)]), SEQUENCES), min_size=1, max_size=24
)


def foretold(inputs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What is to become of each input, worked out anew."""
    ids: set[str] = set()
    owner: dict[str, str] = {}
    found = []
    for name, sequence in inputs:
        bad = "1" in sequence or not sequence
        status: dict[str, Any]
        if bad or name in ids:
            status = {"status": "refused"}
        else:
            ids.add(name)
            first = owner.setdefault(sequence, name)
            status = {"status": "windowed" if len(sequence) > LIMIT else "written"}
            if first != name:
                status = {"status": "duplicate", "duplicate_of": first}
            if BAD in sequence:
                status["status"] = "refused"
        found.append({"id": f"in.fasta:{name}" if bad else name, **status})
    return found


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(inputs=INPUTS, residues=st.booleans())
def test_every_input_has_the_row_it_deserves(
    tmp_path_factory: pytest.TempPathFactory, inputs: list[tuple[str, str]], residues: bool
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    path, out = fasta(folder / "in.fasta", [("first", "AAAA"), *inputs]), folder / "out"
    expected = foretold([("first", "AAAA"), *inputs])
    embedder = small(
        refuse_bad, model={"max_residues": LIMIT}, window_overlap=3, tokens_per_batch=40
    )
    summary = embedded(path, out, embedder, residues=residues)
    rows = ledger_of(out)
    assert [row["input"] for row in rows] == list(range(len(expected)))
    for row, foreseen in zip(rows, expected, strict=True):
        assert {key: row[key] for key in foreseen} == foreseen
        refused = row["status"] == "refused"
        assert (row["reason"] is not None, row["windows"] == 0) == (refused, refused)
        assert row["source"] == str(path)
    with_vector = [row for row in rows if row["status"] != "refused"]
    store = EmbeddingStore.open(out)
    assert list(store.ids) == [row["id"] for row in with_vector]
    sequences = dict(reversed([("first", "AAAA"), *inputs][::1]))
    for protein, row in zip(store, with_vector, strict=True):
        sequence = sequences[protein.id] if len(sequences[protein.id]) == row["length"] else None
        if sequence is not None and protein.windows == 1:
            np.testing.assert_array_equal(protein.vector, vector_of(sequence))
    counts = {s: sum(r["status"] == s for r in rows) for s in ("windowed", "duplicate", "refused")}
    told = summary.manifest
    assert counts == {
        "windowed": told["windowed"],
        "duplicate": told["duplicates"],
        "refused": told["refused"],
    }
    assert (told["inputs"], told["proteins"]) == (len(rows), len(with_vector))
    assert len(store.failures) == told["refused"]


def test_what_is_the_same_is_computed_once_across_shards(tmp_path: Path) -> None:
    passes = Passes()
    names = [f"p{i}" for i in range(40)]
    kinds = ["ACD", "EFG", "HIK", "LMNP" * 8]
    inputs = [(name, kinds[i % 4]) for i, name in enumerate(names)]
    path = fasta(tmp_path / "in.fasta", inputs)
    embedder = small(passes, model={"max_residues": 20}, window_overlap=5)
    summary = embedded(path, tmp_path / "out", embedder, residues=True)
    # The long one in two windows.
    assert sorted(passes.ids) == ["p0", "p1", "p2", "p3", "p3"]
    assert summary.manifest["duplicates"] == 36
    store = EmbeddingStore.open(tmp_path / "out")
    assert store.ids == tuple(names)
    for name, sequence in inputs:
        found = store[name]
        np.testing.assert_allclose(found.vector, vector_of(sequence), atol=1e-6)
        np.testing.assert_allclose(found.residues, tokens_of(sequence), atol=1e-6)
        assert found.windows == (2 if len(sequence) > 20 else 1)
    rows = ledger_of(tmp_path / "out")
    assert [row["duplicate_of"] for row in rows[4:8]] == ["p0", "p1", "p2", "p3"]
    assert rows[7]["windows"] == 2


def test_the_same_as_a_refused_protein_is_refused_for_its_reason(tmp_path: Path) -> None:
    passes = Passes()

    def hook(records: Sequence[ProteinRecord]) -> None:
        passes(records)
        refuse_bad(records)

    # "bad" comes again in its own shard: the reason of its copy must not be that of the name.
    inputs = [("bad", BAD), ("copy", BAD), ("bad", "ACD"), ("good", "ACD"), ("far", BAD)]
    path = fasta(tmp_path / "in.fasta", inputs)
    embedded(path, tmp_path / "out", small(hook))
    rows = {row["id"]: row for row in reversed(ledger_of(tmp_path / "out"))}
    assert "cannot bear WWW" in rows["bad"]["reason"]
    for name in ("copy", "far"):
        assert rows[name]["status"] == "refused"
        assert rows[name]["reason"].startswith("the same protein as bad: protein bad:")
        assert "cannot bear WWW" in rows[name]["reason"]
    assert EmbeddingStore.open(tmp_path / "out").ids == ("good",)


def test_a_run_that_embeds_nothing_leaves_nothing(tmp_path: Path) -> None:
    path = fasta(tmp_path / "in.fasta", [(f"p{i}", BAD + "A" * i) for i in range(9)])
    with pytest.raises(EmbeddingError, match=r"protein p\d: the model failed on it .*cannot bear"):
        embedded(path, tmp_path / "out", small(refuse_bad))
    refused = fasta(tmp_path / "long.fasta", [("long", "A" * 99)])
    with pytest.raises(EmbeddingError, match=r"no protein was embedded \(1 refused, the first: "):
        embedded(refused, tmp_path / "out", fake_embedder(max_residues=5, long_proteins="refuse"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.fasta", "long.fasta"]


def test_one_protein_that_a_plugin_cannot_bear_costs_one_row(tmp_path: Path) -> None:
    """Also where it is the only one of its shard, and the first of all."""
    inputs = [("bad", BAD * 30), *((f"p{i}", "ACDE"[: i + 1]) for i in range(4))]
    path = fasta(tmp_path / "in.fasta", inputs)
    summary = embedded(path, tmp_path / "out", small(refuse_bad, shard_residues=60))
    assert (summary.manifest["proteins"], summary.manifest["refused"]) == (4, 1)
    last = fasta(tmp_path / "last.fasta", [*inputs[1:], inputs[0]])
    summary = embedded(last, tmp_path / "last", small(refuse_bad, shard_residues=60))
    assert (summary.manifest["proteins"], summary.manifest["refused"]) == (4, 1)


def test_the_summary_counts_what_was_computed(tmp_path: Path) -> None:
    inputs = [("a", "ACD"), ("b", "ACD"), ("long", "DE" * 30), ("c", "EEE")]
    path = fasta(tmp_path / "in.fasta", inputs)
    embedder = small(model={"max_residues": 20}, window_overlap=5)
    summary = embedded(path, tmp_path / "out", embedder)
    assert summary.computed == 3
    assert summary.skipped == 0
