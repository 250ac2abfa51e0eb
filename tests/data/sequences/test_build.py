"""Which proteins are stored, and whether they come back."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.data.sequences import SequenceBuildOptions, SequenceShards, build_sequences
from multiprot.errors import DataError, FileFormatError, OutputExistsError
from multiprot.proteins import ProteinRecord, write_fasta
from tests.data.sequences.conftest import random_records


def stored(shards: SequenceShards, split: str) -> list[str]:
    found = shards.split(split)
    return [found.sequence(number) for number in range(len(found))]


def build(inputs: list[Path], out: Path, **options: Any) -> SequenceShards:
    return build_sequences(inputs, SequenceBuildOptions.model_validate(options), out)


@pytest.mark.parametrize("five_bits", [False, True])
@pytest.mark.parametrize("shard_residues", [1, 500, 10**6])
def test_every_protein_comes_back(
    fasta: Path, records: list[ProteinRecord], tmp_path: Path, five_bits: bool, shard_residues: int
) -> None:
    shards = build([fasta], tmp_path / "out", five_bits=five_bits, shard_residues=shard_residues)
    assert stored(shards, "train") == [record.sequence for record in records]
    shards.verify()
    told = shards.manifest["splits"]["train"]
    assert told["proteins"] == len(records)
    assert told["residues"] == sum(map(len, records))
    assert len(told["shards"]) == (60 if shard_residues == 1 else len(told["shards"]))
    # Another process, another look: what is mapped is not carried along.
    again = pickle.loads(pickle.dumps(shards.split("train")))  # noqa: S301
    np.testing.assert_array_equal(again.residues(7, 1, 4), shards.split("train").residues(7, 1, 4))


def test_neither_bits_nor_shards_make_other_content(fasta: Path, tmp_path: Path) -> None:
    ways = [{}, {"five_bits": True}, {"shard_residues": 77}]
    made = [build([fasta], tmp_path / f"{n}", **way) for n, way in enumerate(ways)]
    assert len({shards.content_hash for shards in made}) == 1
    assert build([fasta], tmp_path / "less", share=0.5).content_hash != made[0].content_hash


def test_splits_are_kept_apart(
    fasta: Path, splits: Path, records: list[ProteinRecord], tmp_path: Path
) -> None:
    shards = build([fasta], tmp_path / "out", splits=splits)
    assert stored(shards, "valid") == [record.sequence for record in records[:10]]
    assert stored(shards, "train") == [record.sequence for record in records[15:]]
    assert shards.manifest["left_out"] == {"test split": 5}


def test_a_held_out_sequence_is_not_trained_on_under_another_name(
    fasta: Path, splits: Path, records: list[ProteinRecord], tmp_path: Path
) -> None:
    copies = [
        ProteinRecord(id="again", sequence=records[2].sequence),
        ProteinRecord(id="tested", sequence=records[12].sequence),
        ProteinRecord(id="twice", sequence=records[30].sequence),
    ]
    write_fasta(copies, tmp_path / "first.fasta")
    shards = build([tmp_path / "first.fasta", fasta], tmp_path / "out", splits=splits)
    trained = stored(shards, "train")
    assert sorted(trained) == sorted(record.sequence for record in records[15:])
    assert len(stored(shards, "valid")) == 10
    assert shards.manifest["left_out"] == {
        "same sequence as a valid protein": 1,
        "same sequence as an excluded or test protein": 1,
        "same sequence as an earlier one": 1,
        "test split": 5,
    }


def test_listed_proteins_are_left_out(
    fasta: Path, records: list[ProteinRecord], tmp_path: Path
) -> None:
    table = tmp_path / "screen.tsv"
    table.write_text("protein_id\ttask\np20\ta\np21\tb\n")
    whole = build([fasta], tmp_path / "both", exclude=table)
    assert whole.manifest["left_out"] == {"excluded": 2}
    some = build([fasta], tmp_path / "one", exclude=table, exclude_tasks=["b"])
    assert records[20].sequence in stored(some, "train")
    assert records[21].sequence not in stored(some, "train")


def test_an_excluded_sequence_is_not_stored_under_another_name(
    fasta: Path, splits: Path, records: list[ProteinRecord], tmp_path: Path
) -> None:
    table = tmp_path / "screen.tsv"
    table.write_text("protein_id\ttask\np20\ta\n")
    again = [
        ProteinRecord(id="copy", sequence=records[20].sequence),
        # p3 is valid, and the same as p11, which is tested.
        ProteinRecord(id="p11", sequence=records[3].sequence),
    ]
    write_fasta(again, tmp_path / "more.fasta")
    inputs = [tmp_path / "more.fasta", fasta]
    shards = build(inputs, tmp_path / "out", exclude=table, splits=splits)
    everything = {*stored(shards, "train"), *stored(shards, "valid")}
    assert records[20].sequence not in everything
    assert records[3].sequence not in everything
    assert shards.manifest["left_out"]["same sequence as an excluded or test protein"] == 2


def test_a_smaller_share_is_a_part_of_a_larger_one(tmp_path: Path, splits: Path) -> None:
    write_fasta(random_records(400), tmp_path / "many.fasta")
    parts = [
        build([tmp_path / "many.fasta"], tmp_path / f"{share}", share=share, splits=splits)
        for share in (0.2, 0.6)
    ]
    small, large = (set(stored(part, "train")) for part in parts)
    assert small < large
    assert 0.1 < len(small) / 385 < 0.3
    assert 0.5 < len(large) / 385 < 0.7
    assert len(stored(parts[0], "valid")) == 10


def test_short_proteins_are_left_out(fasta: Path, tmp_path: Path) -> None:
    shards = build([fasta], tmp_path / "out", shortest=40)
    assert shards.split("train").lengths.min() >= 40
    assert shards.manifest["left_out"]["shorter than 40 residues"] > 0


def test_nothing_to_train_on_is_an_error_and_leaves_no_folder(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing is left to train on; left out: .*shorter"):
        build([fasta], tmp_path / "out", shortest=1000)
    assert not (tmp_path / "out").exists()


def test_a_split_without_proteins_is_named(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no valid proteins; build it anew with a splits file"):
        build([fasta], tmp_path / "out").split("valid")


def test_a_bad_letter_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.fasta").write_text(">a\nMKT\n>b\nMK1\n")
    with pytest.raises(FileFormatError, match=r"bad\.fasta: line"):
        build([tmp_path / "bad.fasta"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_overwritten(fasta: Path, tmp_path: Path) -> None:
    build([fasta], tmp_path / "out")
    with pytest.raises(OutputExistsError):
        build([fasta], tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: (f / "train-0000.npy").unlink(), "train-0000.npy: is missing"),
        (lambda f: (f / "train-0000.npy").write_bytes(b"x"), "1 bytes instead of"),
        (lambda f: (f / "manifest.json").write_text("{"), "not JSON"),
        (lambda f: (f / "manifest.json").write_text('{"format": "x"}'), "format 'x' is not"),
        (
            lambda f: (f / "manifest.json").write_text(
                '{"format": "multiprot-sequences", "format_version": 9}'
            ),
            "version 9 of the format; this multiprot reads 1",
        ),
        (lambda f: (f / "manifest.json").unlink(), "no manifest.json in it; make the folder with"),
    ],
)
def test_a_damaged_folder_is_named(fasta: Path, tmp_path: Path, change: Any, told: str) -> None:
    build([fasta], tmp_path / "out")
    change(tmp_path / "out")
    with pytest.raises(DataError, match=told):
        SequenceShards.open(tmp_path / "out")


def test_a_changed_byte_is_found_by_verify(fasta: Path, tmp_path: Path) -> None:
    shards = build([fasta], tmp_path / "out")
    path = tmp_path / "out" / "train-0000.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train-0000\.npy: damaged"):
        shards.verify()
