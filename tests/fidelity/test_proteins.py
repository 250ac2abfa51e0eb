"""Which proteins are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.data.corpus import Corpus
from multiprot.errors import FidelityError, MultiprotError
from multiprot.fidelity.proteins import content_hash, put_on_disk, read_proteins
from tests.evaluation.tasks.folders import proteins

ROWS = proteins(30)


def fasta(path: Path, rows: list[tuple[str, str]]) -> str:
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in rows))
    return str(path)


def given(count: int = 30) -> list[tuple[str, str]]:
    return [(row["id"], row["sequence"]) for row in ROWS[:count]]


def test_each_sequence_once(tmp_path: Path) -> None:
    rows = given()
    path = fasta(
        tmp_path / "a.fasta", [*rows, *((f"again{n}", s) for n, (_, s) in enumerate(rows))]
    )
    found = read_proteins([path], 100)
    assert {record.id for record in found.records} == {name for name, _ in rows}
    assert (found.given, found.repeated, found.surplus, found.structures) == (60, 30, 0, 0)
    assert found.residues == sum(len(sequence) for _, sequence in rows)


def test_a_sample_does_not_depend_on_the_order_and_grows(tmp_path: Path) -> None:
    forward = fasta(tmp_path / "a.fasta", given())
    backward = fasta(tmp_path / "b.fasta", given()[::-1])
    ten, twenty = (read_proteins([forward], most).records for most in (10, 20))
    assert read_proteins([backward], 10).records == ten
    assert twenty[:10] == ten
    assert read_proteins([forward], 10).surplus == 20


def test_first_residues_are_whole_proteins_eight_at_least(tmp_path: Path) -> None:
    found = read_proteins([fasta(tmp_path / "a.fasta", given())], 100)
    assert len(found.first_residues(1)) == 8
    assert len(found.first_residues(13 * 20)) == 20
    assert found.first_residues(10**6) == found.records


def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    path = fasta(tmp_path / "a.fasta", [*given(), ("odd", "MK1V")])
    found = read_proteins([path], 100)
    assert len(found.records) == 30
    assert [name for name, _ in found.unread] == ["a.fasta:odd"]


@pytest.mark.parametrize(
    ("count", "says"), [(0, "0 different proteins"), (1, "1 different proteins"), (7, "give 8")]
)
def test_too_few_are_refused(count: int, says: str, tmp_path: Path) -> None:
    with pytest.raises(MultiprotError, match=says):
        read_proteins([fasta(tmp_path / "a.fasta", given(count))], 100)


def test_an_id_of_two_sequences_is_refused(tmp_path: Path) -> None:
    rows = [*given(), ("p1", "MKVLAAGG")]
    with pytest.raises(FidelityError, match="id 'p1' is given to two different sequences"):
        read_proteins([fasta(tmp_path / "a.fasta", rows)], 100)


def test_on_disk_they_are_a_corpus_named_for_its_content(tmp_path: Path) -> None:
    records = read_proteins([fasta(tmp_path / "a.fasta", given())], 100).records
    one, again = (put_on_disk(records, tmp_path / "work") for _ in range(2))
    other = put_on_disk(records[:9], tmp_path / "work")
    assert one == again != other
    assert list(Corpus.open(one).ids) == [record.id for record in records]
    assert content_hash(records) != content_hash(records[:9])
