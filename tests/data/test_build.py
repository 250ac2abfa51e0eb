from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from multiprot.data import Corpus, CorpusBuildOptions, build_corpus
from multiprot.errors import (
    DataError,
    FileFormatError,
    MultiprotError,
    OntologyError,
    OutputExistsError,
)
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord, read_fasta, write_fasta, write_structure

Raw = Any
TABLES = ("annotations", "ontology", "features", "splits")


def expected(raw: Raw) -> dict[str, ProteinRecord]:
    """What a full build gives: as made, but GO is unknown where no row names the protein."""
    return {
        protein: record
        if record.go_terms or record.not_go_terms
        else replace(record, go_terms=None)
        for protein, (record, _) in raw.records.items()
    }


def report(corpus: Corpus) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(corpus.path / "report.parquet").to_pylist()
    return rows


def rewrite_fasta(raw: Raw, **sequences: str | None) -> None:
    """Change, add or (None) remove records of the FASTA file."""
    records = {record.id: record for record in read_fasta(raw.sequences)}
    for protein, sequence in sequences.items():
        records.pop(protein, None)
        if sequence is not None:
            records[protein] = ProteinRecord(id=protein, sequence=sequence)
    write_fasta(records.values(), raw.sequences)


def test_every_record_is_joined_from_its_parts(raw: Raw, tmp_path: Path) -> None:
    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    found = {record.id: record for record in corpus.read(range(len(corpus)))}
    assert found == expected(raw)
    for protein, (_, split) in raw.records.items():
        assert corpus.splits[corpus.row(protein)] == split
    corpus.verify()


def test_structures_come_first_then_the_rest_as_in_the_file(raw: Raw, tmp_path: Path) -> None:
    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    bears = [p for p, (record, _) in raw.records.items() if record.structure is not None]
    assert list(corpus.ids[: len(bears)]) == sorted(bears)
    rest = [r.id for r in read_fasta(raw.sequences) if r.id not in set(bears)]
    assert list(corpus.ids[len(bears) :]) == rest


def test_sequences_alone_are_enough(raw: Raw, tmp_path: Path) -> None:
    options = raw.build_options(structures=None)
    corpus = build_corpus(options, tmp_path / "out")
    assert corpus.ids == tuple(record.id for record in read_fasta(raw.sequences))
    assert not corpus.has_structure.any()


def test_structures_alone_are_enough(raw: Raw, tmp_path: Path) -> None:
    options = raw.build_options(sequences=None, **dict.fromkeys(TABLES))
    corpus = build_corpus(options, tmp_path / "out")
    assert corpus.has_structure.all()
    assert set(corpus.splits) == {"train"}
    assert corpus.ontology is None
    for record in corpus.read(range(len(corpus))):
        assert record.sequence == raw.records[record.id][0].sequence
        assert record.go_terms is None


def test_the_corpus_does_not_depend_on_workers_or_place(raw: Raw, tmp_path: Path) -> None:
    alone = build_corpus(raw.build_options(), tmp_path / "alone")
    moved = Path(shutil.copytree(raw.folder, tmp_path / "moved"))
    names = {"sequences": "sequences.fasta", "ontology": "go.obo", "structures": "structures"}
    paths = {
        name: moved / names.get(name, f"{name}.tsv")
        for name in ("structures", "sequences", *TABLES)
    }
    helped = build_corpus(raw.build_options(workers=2, **paths), tmp_path / "helped")
    assert helped.content_hash == alone.content_hash
    assert helped.manifest["shards"] == alone.manifest["shards"]
    assert helped.manifest["inputs"] == alone.manifest["inputs"]
    assert report(helped) == report(alone)


def test_every_input_has_a_row_in_the_report(raw: Raw, tmp_path: Path) -> None:
    (raw.structures / "notes.txt").write_text("hello")
    (raw.structures / "broken.cif").write_text("data_x\nloop_\n")
    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    rows = report(corpus)
    files = {row["input"] for row in rows if row["kind"] == "structure"}
    assert files == {path.name for path in raw.structures.iterdir()}
    records = [row["record"] for row in rows if row["kind"] == "sequence"]
    assert records == [record.id for record in read_fasta(raw.sequences)]
    refused = {row["input"]: row["reason"] for row in rows if row["outcome"] == "refused"}
    assert refused == {"notes.txt": "not a structure", "broken.cif": "unreadable"}
    assert corpus.manifest["report"]["rows"] == len(rows)
    assert corpus.manifest["report"]["inputs"]["structure"]["refused"] == {
        "not a structure": 1,
        "unreadable": 1,
    }
    joined = [row for row in rows if row["detail"] == "joined to a structure"]
    assert {row["record"] for row in joined} == {
        record.id
        for record in read_fasta(raw.sequences)
        if raw.records[record.id][0].structure is not None
    }


def test_structure_rows_account_for_residues(raw: Raw, tmp_path: Path) -> None:
    import json

    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    for row in report(corpus):
        if row["kind"] == "structure":
            account = json.loads(row["account"])
            structure = raw.records[row["record"]][0].structure
            assert account["residues"] == len(structure)
            assert account["resolved"] == int(structure.resolved.sum())


def test_a_chain_that_differs_from_its_sequence_stops_the_build(raw: Raw, tmp_path: Path) -> None:
    protein = next(r.id for r in read_fasta(raw.sequences) if raw.records[r.id][0].structure)
    sequence = raw.records[protein][0].sequence
    changed = sequence[:4] + ("A" if sequence[4] != "A" else "G") + sequence[5:]
    rewrite_fasta(raw, **{protein: changed})
    message = rf"record {protein}: .*sequences.fasta differ: residue 5 is {sequence[4]} in the"
    with pytest.raises(DataError, match=message):
        build_corpus(raw.build_options(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_chain_of_another_length_is_told_by_its_lengths(raw: Raw, tmp_path: Path) -> None:
    protein = next(r.id for r in read_fasta(raw.sequences) if raw.records[r.id][0].structure)
    sequence = raw.records[protein][0].sequence
    rewrite_fasta(raw, **{protein: sequence + "GS"})
    message = f"{len(sequence)} residues in the structure, {len(sequence) + 2} in FASTA"
    with pytest.raises(DataError, match=message):
        build_corpus(raw.build_options(), tmp_path / "out")


def test_mismatches_may_be_left_out(raw: Raw, tmp_path: Path) -> None:
    protein = next(r.id for r in read_fasta(raw.sequences) if raw.records[r.id][0].structure)
    rewrite_fasta(raw, **{protein: raw.records[protein][0].sequence + "A"})
    corpus = build_corpus(raw.build_options(on_mismatch="refuse"), tmp_path / "out")
    assert set(corpus.ids) == set(raw.records) - {protein}
    rows = [row for row in report(corpus) if row["record"] == protein]
    assert {(row["kind"], row["reason"]) for row in rows} == {
        ("structure", "mismatch"),
        ("sequence", "mismatch"),
    }


def test_an_unreadable_structure_leaves_the_sequence(raw: Raw, tmp_path: Path) -> None:
    record = next(r for r in read_fasta(raw.sequences) if raw.records[r.id][0].structure)
    (path,) = raw.structures.glob(f"{record.id}.*")
    path.write_bytes(path.read_bytes()[:100])
    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    assert not corpus.has_structure[corpus.row(record.id)]


def test_files_of_several_chains_give_several_records(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "entries"
    folder.mkdir()
    (folder / "2axd.cif.gz").symlink_to(shared / "data/structures_whole/2axd.cif.gz")
    (folder / "1igy.pdb.gz").symlink_to(shared / "data/structures_whole/1igy.pdb.gz")
    options = CorpusBuildOptions(structures=folder, workers=0)
    corpus = build_corpus(options, tmp_path / "out")
    files = {row["record"]: row["input"] for row in report(corpus)}
    assert list(files) == list(corpus.ids)
    assert {protein for protein in corpus.ids if protein.startswith("1igy")} == {
        f"1igy_{chain}" for chain in "ABCD"
    }
    assert files["1igy_A"] == "1igy.pdb.gz"


def test_a_chain_of_a_larger_file_is_compared_with_its_sequence(
    shared: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "entries"
    folder.mkdir()
    (folder / "1igy.pdb.gz").symlink_to(shared / "data/structures_whole/1igy.pdb.gz")
    write_fasta([ProteinRecord(id="1igy_B", sequence="MKTAY")], tmp_path / "a.fasta")
    options = CorpusBuildOptions(structures=folder, sequences=tmp_path / "a.fasta", workers=0)
    with pytest.raises(DataError, match=r"record 1igy_B: .*differ"):
        build_corpus(options, tmp_path / "out")


def test_one_id_from_two_files_is_refused(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "entries"
    folder.mkdir()
    (folder / "1igy.pdb.gz").symlink_to(shared / "data/structures_whole/1igy.pdb.gz")
    single = shared / "data/pretrain/structures/103L_A.bcif.gz"
    (folder / "1igy_A.bcif.gz").symlink_to(single)
    options = CorpusBuildOptions(structures=folder, workers=0)
    with pytest.raises(DataError, match=r"a chain with id 1igy_A came from another file"):
        build_corpus(options, tmp_path / "out")


def test_files_of_the_same_protein_are_two_records(raw: Raw, tmp_path: Path) -> None:
    """A homodimer deposited as two files: equal sequences may share a split."""
    folder = tmp_path / "pair"
    folder.mkdir()
    record = next(r for r, _ in raw.records.values() if r.structure is not None)
    for name in ("1abc_A", "1abc_B"):
        write_structure(record, folder / f"{name}.cif")
    options = raw.build_options(structures=folder, sequences=None, splits=None)
    assert build_corpus(options, tmp_path / "out").ids == ("1abc_A", "1abc_B")


def test_ids_that_differ_in_case_only_do_not_collide(raw: Raw, tmp_path: Path) -> None:
    rewrite_fasta(raw, casey="MKTAY", CASEY="GGSGG")
    corpus = build_corpus(raw.build_options(splits=None), tmp_path / "out")
    lower, upper = corpus.read([corpus.row("casey"), corpus.row("CASEY")])
    assert (lower.sequence, upper.sequence) == ("MKTAY", "GGSGG")


def test_an_excluded_protein_is_left_out_and_recorded(raw: Raw, tmp_path: Path) -> None:
    train = [p for p, (_, split) in raw.records.items() if split == "train"]
    screen = tmp_path / "screen.tsv"
    lines = ["protein_id\ttask\tidentity", f"{train[0]}\tstability\t0.9", f"{train[1]}\tother\t1"]
    screen.write_text("\n".join([*lines, "unheard-of\tstability\t1.0"]) + "\n")
    everything = build_corpus(raw.build_options(exclude=screen), tmp_path / "all")
    assert not {train[0], train[1]} & set(everything.ids)
    assert everything.manifest["exclusion"]["left_out"]["train"] == 2
    one = build_corpus(
        raw.build_options(exclude=screen, exclude_tasks=("stability",)), tmp_path / "one"
    )
    assert set(raw.records) - set(one.ids) == {train[0]}
    assert one.manifest["exclusion"]["tasks"] == ["stability"]
    assert one.content_hash != everything.content_hash


def test_an_equal_sequence_in_two_splits_is_refused(raw: Raw, tmp_path: Path) -> None:
    train = next(p for p, (_, split) in raw.records.items() if split == "train")
    rewrite_fasta(raw, twin=raw.records[train][0].sequence)
    splits = raw.folder / "splits.tsv"
    splits.write_text(splits.read_text() + "twin\ttest\n")
    with pytest.raises(DataError, match=rf"leak: {train} \(train\) and twin \(test\)"):
        build_corpus(raw.build_options(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_proteins_without_split_are_refused_by_name(raw: Raw, tmp_path: Path) -> None:
    rewrite_fasta(raw, stranger="MKTAYIAK")
    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    assert "stranger" not in corpus.ids
    (row,) = (row for row in report(corpus) if row["record"] == "stranger")
    assert row["reason"] == "no split"


def test_clusters_of_the_splits_file_are_kept(raw: Raw, tmp_path: Path) -> None:
    table = raw.folder / "splits.tsv"
    _, *lines = table.read_text().splitlines()
    bare = build_corpus(raw.build_options(), tmp_path / "bare")
    assert bare.clusters is None
    names = {line.split()[0]: "" if n % 3 == 0 else f"C{n % 4}" for n, line in enumerate(lines)}
    # All in one split, since a cluster must not straddle.
    rows = [f"{protein}\ttrain\t{name}" for protein, name in names.items()]
    table.write_text("\n".join(["protein_id\tsplit\tcluster30", *rows]) + "\n")
    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    assert corpus.clusters is not None
    for protein, number in zip(corpus.ids, corpus.clusters, strict=True):
        alike = {corpus.ids[other] for other in np.flatnonzero(corpus.clusters == number)}
        name = names[protein]
        assert alike == ({p for p in corpus.ids if names[p] == name} if name else {protein})


def test_splits_by_equal_sequences(raw: Raw, tmp_path: Path) -> None:
    train = next(iter(raw.records))
    rewrite_fasta(raw, twin=raw.records[train][0].sequence)
    options = raw.build_options(
        splits=None, cluster_identity=1.0, valid_share=0.2, test_share=0.2, split_seed=3
    )
    corpus = build_corpus(options, tmp_path / "out")
    again = build_corpus(options, tmp_path / "again")
    assert corpus.content_hash == again.content_hash
    assert corpus.splits[corpus.row("twin")] == corpus.splits[corpus.row(train)]
    assert corpus.clusters is not None
    alike = np.flatnonzero(corpus.clusters == corpus.clusters[corpus.row("twin")])
    assert {corpus.ids[row] for row in alike} == {"twin", train}
    assert set(corpus.splits) == {"train", "valid", "test"}
    records = expected(raw)
    for record in corpus.read(range(len(corpus))):
        if record.id != "twin":
            assert record == records[record.id]
    assert len(report(corpus)) == corpus.manifest["report"]["rows"]
    assert sorted(p.name for p in corpus.path.iterdir()) == [
        "go.obo.gz",
        "index.parquet",
        "manifest.json",
        "report.parquet",
        "shards",
    ]


def test_without_mmseqs_nothing_is_read(
    raw: Raw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    raw.sequences.unlink()
    options = raw.build_options(splits=None, cluster_identity=0.3)
    with pytest.raises(DataError, match="needs mmseqs2"):
        build_corpus(options, tmp_path / "out")


def test_nothing_left_is_an_error(raw: Raw, tmp_path: Path) -> None:
    (raw.folder / "splits.tsv").write_text("protein_id\tsplit\nnobody\ttrain\n")
    with pytest.raises(DataError, match="no records left"):
        build_corpus(raw.build_options(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_that_exists_is_kept_unless_told(raw: Raw, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = build_corpus(raw.build_options(), out)
    with pytest.raises(OutputExistsError, match="already exists"):
        build_corpus(raw.build_options(splits=None), out)
    assert Corpus.open(out).content_hash == first.content_hash
    second = build_corpus(raw.build_options(splits=None), out, overwrite=True)
    assert second.content_hash != first.content_hash


def test_a_failed_overwrite_keeps_the_old_corpus(raw: Raw, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = build_corpus(raw.build_options(), out)
    raw.sequences.write_text(">a\nMKT\n>a\nMKV\n")
    with pytest.raises(FileFormatError):
        build_corpus(raw.build_options(), out, overwrite=True)
    assert Corpus.open(out).content_hash == first.content_hash
    assert [path.name for path in tmp_path.iterdir()] == ["raw", "out"] or sorted(
        path.name for path in tmp_path.iterdir()
    ) == ["out", "raw"]


def test_an_interrupted_build_leaves_nothing(raw: Raw, tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage == "sequences" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_corpus(raw.build_options(), tmp_path / "out", progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_progress_reaches_its_totals(raw: Raw, tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int | None]] = {}

    def note(stage: str, done: int, total: int | None) -> None:
        seen[stage] = (done, total)

    build_corpus(raw.build_options(), tmp_path / "out", progress=note)
    structures = len(list(raw.structures.iterdir()))
    sequences = len(list(read_fasta(raw.sequences)))
    assert seen == {"structures": (structures, structures), "sequences": (sequences, None)}


def test_the_release_is_pinned(raw: Raw, tmp_path: Path, ontology: GeneOntology) -> None:
    corpus = build_corpus(raw.build_options(), tmp_path / "out")
    go = corpus.manifest["go"]
    assert go["release"] == ontology.release
    assert go["content_hash"] == ontology.content_hash
    assert go["regulates"] is False


CYCLE = """format-version: 1.2

[Term]
id: GO:0003674
name: molecular_function
namespace: molecular_function

[Term]
id: GO:0000001
name: a
namespace: molecular_function
is_a: GO:0000002

[Term]
id: GO:0000002
name: b
namespace: molecular_function
is_a: GO:0000001
"""


def spoil(raw: Raw, name: str, content: bytes) -> None:
    (raw.folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("go.obo", CYCLE.encode(), OntologyError),
        ("go.obo", b"", FileFormatError),
        ("go.obo", bytes(range(256)), FileFormatError),
        ("sequences.fasta", b"", FileFormatError),
        ("sequences.fasta", bytes(range(256)), FileFormatError),
        ("sequences.fasta", b">a\nMKT\n>a\nMKV\n", FileFormatError),
        ("sequences.fasta", b">a\n\n>b\nMKT\n", FileFormatError),
        ("sequences.fasta", b"\x1f\x8b\x08\x00cut", FileFormatError),
        ("sequences.fasta", b">a\nMK\xe9\n", FileFormatError),
        ("annotations.tsv", b"", FileFormatError),
        ("annotations.tsv", bytes(range(256)), FileFormatError),
        ("features.tsv", b"", FileFormatError),
        ("features.tsv", b"protein_id\ttype\tstart\tend\tname\na\tx\t5\t2\tn\n", FileFormatError),
        ("splits.tsv", b"", FileFormatError),
        ("splits.tsv", b"protein_id\tsplit\na\tdev\n", FileFormatError),
    ],
)
def test_bad_inputs_are_named_and_leave_nothing(
    raw: Raw, tmp_path: Path, name: str, content: bytes, kind: type[MultiprotError]
) -> None:
    spoil(raw, name, content)
    with pytest.raises(kind) as caught:
        build_corpus(raw.build_options(), tmp_path / "out")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
