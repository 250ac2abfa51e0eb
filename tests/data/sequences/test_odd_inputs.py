"""Odd FASTA files, tables and options: what is stored, or which file and value is wrong."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.cli.main import main
from multiprot.data.sequences import SequenceBuildOptions, SequenceShards, build_sequences
from multiprot.errors import DataError, FileFormatError, MultiprotError
from multiprot.proteins import RESIDUE_LETTERS, write_fasta
from tests.data.sequences.conftest import random_records

SEQUENCES = st.lists(st.text(RESIDUE_LETTERS, min_size=1, max_size=40), min_size=1, max_size=20)


def stored(shards: SequenceShards, split: str = "train") -> list[str]:
    found = shards.split(split)
    return [found.sequence(number) for number in range(len(found))]


def build(inputs: list[Path], out: Path, **options: Any) -> SequenceShards:
    return build_sequences(inputs, SequenceBuildOptions.model_validate(options), out)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def tsv(path: Path, *rows: tuple[str, ...]) -> Path:
    return written(path, "".join("\t".join(row) + "\n" for row in rows))


@given(
    sequences=SEQUENCES,
    held_out=st.sets(st.integers(0, 19)),
    tested=st.sets(st.integers(0, 19)),
    five_bits=st.booleans(),
    shard_residues=st.integers(1, 90),
)
def test_what_is_stored_is_what_a_few_lines_would_choose(
    tmp_path_factory: pytest.TempPathFactory,
    sequences: list[str],
    held_out: set[int],
    tested: set[int],
    five_bits: bool,
    shard_residues: int,
) -> None:
    folder = tmp_path_factory.mktemp("chosen")
    of = {n: "test" if n in tested else "valid" if n in held_out else "train" for n in range(20)}
    text = "".join(f">p{n}\n{sequence}\n" for n, sequence in enumerate(sequences))
    table = tsv(folder / "s.tsv", ("protein_id", "split"), *((f"p{n}", of[n]) for n in of))
    away = {sequence for n, sequence in enumerate(sequences) if of[n] != "train"}
    expected = list(dict.fromkeys(s for n, s in enumerate(sequences) if s not in away))
    barred = {sequence for n, sequence in enumerate(sequences) if of[n] == "test"}
    kept = [s for n, s in enumerate(sequences) if of[n] == "valid" and s not in barred]
    valid = list(dict.fromkeys(kept))
    options = {"splits": table, "five_bits": five_bits, "shard_residues": shard_residues}
    fasta = written(folder / "all.fasta", text)
    if not expected:
        with pytest.raises(DataError, match=r"all\.fasta: nothing is left to train on"):
            build([fasta], folder / "out", **options)
        return
    shards = build([fasta], folder / "out", **options)
    assert stored(shards) == expected
    assert valid == (stored(shards, "valid") if valid else [])
    left = len(sequences) - len(expected) - len(valid)
    assert sum(shards.manifest["left_out"].values()) == left


def test_lower_case_stop_codons_and_one_residue_are_proteins_as_others(tmp_path: Path) -> None:
    text = ">a\nM\n>b some words\nmk\n T*\n>c\nXBZJUO\n"
    shards = build([written(tmp_path / "odd.fasta", text)], tmp_path / "out")
    assert stored(shards) == ["M", "MKT", "XBZJUO"]
    assert shards.split("train").lengths.tolist() == [1, 3, 6]


@pytest.mark.parametrize("five_bits", [False, True])
def test_a_very_long_protein_comes_back_in_parts(tmp_path: Path, five_bits: bool) -> None:
    rng = np.random.default_rng(0)
    titin = "".join(rng.choice(list(RESIDUE_LETTERS), 40_000))
    fasta = written(tmp_path / "long.fasta", f">s\nMK\n>titin\n{titin}\n>t\nVV\n")
    # A file of residues ends after a protein, never inside one.
    split = build([fasta], tmp_path / "o", five_bits=five_bits, shard_residues=100).split("train")
    assert split.sequence(1) == titin
    assert len(split.shards) == 2
    part = split.residues(1, 39_990, 40_000)
    assert "".join(RESIDUE_LETTERS[n] for n in part) == titin[-10:]


def test_compression_is_told_by_content(fasta: Path, tmp_path: Path) -> None:
    write_fasta(random_records(60), tmp_path / "plain.fasta")
    packed = lzma.compress((tmp_path / "plain.fasta").read_bytes())
    (tmp_path / "named.txt").write_bytes(packed)
    made = [
        build([path], tmp_path / f"out{n}").content_hash
        for n, path in enumerate([fasta, tmp_path / "plain.fasta", tmp_path / "named.txt"])
    ]
    assert len(set(made)) == 1


def test_one_id_with_two_sequences_gives_both_and_a_copy_gives_one(tmp_path: Path) -> None:
    fasta = written(tmp_path / "twice.fasta", ">a\nMKT\n>a\nMKV\n>b\nMKT\n")
    shards = build([fasta, fasta], tmp_path / "out")
    assert stored(shards) == ["MKT", "MKV"]
    assert shards.manifest["left_out"] == {"same sequence as an earlier one": 4}
    assert [told["file"] for told in shards.manifest["inputs"]] == ["twice.fasta"] * 2


def test_the_order_of_files_moves_proteins_and_nothing_else(splits: Path, tmp_path: Path) -> None:
    records = random_records(60)
    write_fasta([*records[:33], records[50]], tmp_path / "one.fasta")
    write_fasta(records[30:], tmp_path / "two.fasta")
    paths = [tmp_path / "one.fasta", tmp_path / "two.fasta"]
    made = [
        build(order, tmp_path / f"out{n}", splits=splits, share=0.7)
        for n, order in enumerate([paths, paths[::-1]])
    ]
    for split in ("train", "valid"):
        assert sorted(stored(made[0], split)) == sorted(stored(made[1], split))
    assert made[0].manifest["left_out"] == made[1].manifest["left_out"]
    assert made[0].content_hash != made[1].content_hash


def test_the_same_files_give_the_same_bytes(fasta: Path, splits: Path, tmp_path: Path) -> None:
    made = [build([fasta], tmp_path / name, splits=splits, five_bits=True) for name in "ab"]
    for path in sorted(made[0].path.iterdir()):
        assert path.read_bytes() == (made[1].path / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"bad\.fasta: no FASTA record; the file is empty"),
        (">a\nMK*T\n", r"line 2 column 3: record 'a' holds '\*', a stop codon inside"),
        (">a\n\n>b\nMK\n", r"bad\.fasta: line .*a"),
        ("MKT\n", r"bad\.fasta: line 1"),
        (">a\nMK?T\n", r"bad\.fasta: line 2 column 3.*\?"),
        (">\nMKT\n", r"bad\.fasta: line 1"),
    ],
)
def test_a_bad_file_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    good = written(tmp_path / "good.fasta", ">g\nMKTA\n")
    bad = written(tmp_path / "bad.fasta", text)
    with pytest.raises(FileFormatError, match=told):
        build([good, bad], tmp_path / "out")
    # No half-made sibling either.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.fasta", "good.fasta"]


def test_a_file_that_is_not_there_is_told(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"gone\.fasta: no such file.*check the path"):
        build([fasta, tmp_path / "gone.fasta"], tmp_path / "out")
    with pytest.raises(FileFormatError, match=r"gone\.tsv: no such file"):
        build([fasta], tmp_path / "out", splits=tmp_path / "gone.tsv")
    with pytest.raises(FileFormatError, match="is a folder, a file is needed"):
        build([tmp_path], tmp_path / "out")


def test_a_mistyped_task_is_told_with_the_nearest(fasta: Path, tmp_path: Path) -> None:
    table = tsv(tmp_path / "screen.tsv", ("protein_id", "task"), ("p1", "remote-homology"))
    with pytest.raises(DataError, match=r"screen\.tsv: no task 'remote'.*'remote-homology'"):
        build([fasta], tmp_path / "out", exclude=table, exclude_tasks=["remote"])
    with pytest.raises(ValueError, match="exclude_tasks given without an exclusion list"):
        SequenceBuildOptions.model_validate({"exclude_tasks": ["remote-homology"]})


@pytest.mark.parametrize(
    ("option", "header", "word"), [("splits", "split", "test"), ("exclude", "task", "a")]
)
def test_a_table_of_other_ids_is_refused(
    fasta: Path, tmp_path: Path, option: str, header: str, word: str
) -> None:
    """Else what must not be learnt would be learnt, and nobody would be told."""
    table = tsv(tmp_path / "t.tsv", ("protein_id", header), ("sp|P1|X", word), ("P2", word))
    with pytest.raises(DataError, match=r"t\.tsv: names none of the proteins; write ids as"):
        build([fasta], tmp_path / "out", **{option: table})
    # One that is known is enough: tables are made for more than one file.
    tsv(table, ("protein_id", header), ("P2", word), ("p3", word))
    assert len(stored(build([fasta], tmp_path / "out", **{option: table}))) == 59


def test_an_unknown_split_is_told_with_its_line(fasta: Path, tmp_path: Path) -> None:
    table = tsv(tmp_path / "s.tsv", ("protein_id", "split"), ("p1", "train"), ("p2", "tset"))
    with pytest.raises(FileFormatError, match=r"s\.tsv: line 3: split 'tset' of p2"):
        build([fasta], tmp_path / "out", splits=table)


def test_next_to_no_share_leaves_nothing_and_says_so(fasta: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing is left.*'not in the share': 60"):
        build([fasta], tmp_path / "out", share=1e-9)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", ["0", "1.5", "nan", "-1"])
def test_a_share_that_is_none_is_refused(
    fasta: Path, tmp_path: Path, share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "sequences", str(fasta), "--out", str(tmp_path / "out"), "--share", share]
    assert main(command) == 2
    assert "--share" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["all.fasta.gz", ".", "splits.tsv"])
def test_an_input_is_never_overwritten(
    fasta: Path, splits: Path, tmp_path: Path, where: str
) -> None:
    before = fasta.read_bytes()
    options = SequenceBuildOptions(splits=splits)
    with pytest.raises(DataError, match="would be overwritten, an input; choose another output"):
        build_sequences([fasta], options, tmp_path / where, overwrite=True)
    assert fasta.read_bytes() == before


def test_a_failed_overwrite_keeps_the_former_folder(fasta: Path, tmp_path: Path) -> None:
    former = build([fasta], tmp_path / "out").content_hash
    with pytest.raises(MultiprotError, match="nothing is left"):
        build_sequences(
            [fasta], SequenceBuildOptions(shortest=999), tmp_path / "out", overwrite=True
        )
    assert SequenceShards.open(tmp_path / "out").content_hash == former


def test_json_is_the_manifest_and_nothing_else(
    fasta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a folder" / "that is not there" / "out"
    assert main(["data", "sequences", str(fasta), "--out", str(out), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == SequenceShards.open(out).manifest
    assert told.err == ""
