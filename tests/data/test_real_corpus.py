"""Real proteins through the whole of data/: a few in every run, all of them in the long one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from multiprot.data import (
    BatchConfig,
    Collator,
    Corpus,
    CorpusBuildOptions,
    GoLabels,
    PlannedBatches,
    PlannedDataset,
    build_corpus,
)
from multiprot.files import sha256
from multiprot.ontology import GeneOntology
from multiprot.proteins import read_fasta, write_fasta

PROJECT = Path(__file__).parents[2]
CHAINS = 40


@pytest.fixture(scope="module")
def few(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Forty real chains and as many sequences without structure; without GO, to be quick."""
    source, folder = shared / "data/pretrain", tmp_path_factory.mktemp("few")
    (folder / "structures").mkdir()
    every = sorted((source / "structures").iterdir())
    paths = every[:: len(every) // CHAINS]
    chains = {path.name.split(".")[0] for path in paths}
    for path in paths:
        (folder / "structures" / path.name).symlink_to(path)
    records = list(read_fasta(source / "sequences.fasta.gz"))
    bare = [record for record in records if "_" not in record.id][:CHAINS]
    write_fasta([r for r in records if r.id in chains] + bare, folder / "a.fasta")
    options = CorpusBuildOptions(
        structures=folder / "structures",
        sequences=folder / "a.fasta",
        features=source / "features.tsv.gz",
        splits=source / "splits.tsv.gz",
        exclude=source / "downstream_screen.tsv.gz",
        exclude_tasks=("secondary_structure_q3",),
        workers=0,
    )
    return build_corpus(options, folder / "corpus")


def test_real_chains_join_their_sequences(few: Corpus, shared: Path) -> None:
    report = few.manifest["report"]["inputs"]
    assert report["structure"]["kept"] > CHAINS // 2
    assert set(report["structure"]["refused"]) <= {"excluded"}
    sequences = {r.id: r.sequence for r in read_fasta(shared / "data/pretrain/sequences.fasta.gz")}
    for record in few.read(range(len(few))):
        assert record.sequence == sequences[record.id]
    assert any(record.features for record in few.read(range(len(few))))


def test_the_real_screen_is_recorded(few: Corpus, shared: Path) -> None:
    exclusion = few.manifest["exclusion"]
    screen = shared / "data/pretrain/downstream_screen.tsv.gz"
    assert exclusion["sha256"] == sha256(screen)
    assert exclusion["tasks"] == ["secondary_structure_q3"]
    rows = few.manifest["report"]["inputs"]
    left_out = sum(rows[kind]["refused"].get("excluded", 0) for kind in rows)
    assert sum(exclusion["left_out"].values()) >= left_out // 2


def test_real_chains_make_batches(few: Corpus) -> None:
    config = BatchConfig(tokens_per_batch=2048, crop_residues=128)
    dataset = PlannedDataset(
        few, PlannedBatches(few, config, seed=0), Collator(None, None, None, config)
    )
    ids = [protein for step in range(10) for protein in dataset[step].ids]
    assert set(ids) <= set(few.ids)


@pytest.fixture(scope="module")
def everything(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    out = tmp_path_factory.mktemp("real") / "corpus"
    script = PROJECT / "scripts/build_real_corpus.sh"
    done = subprocess.run([script, shared, out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = subprocess.run([script, shared, out], capture_output=True, text=True, check=True)
    assert "there already" in again.stderr
    return Corpus.open(out)


@pytest.mark.long
def test_the_script_builds_all_of_it(everything: Corpus) -> None:
    counts = everything.manifest["counts"]
    assert (counts["proteins"], counts["structures"]) == (35_768, 4_718)
    by_split = counts["by_split"]
    found = [(by_split[s]["structures"], by_split[s]["proteins"]) for s in by_split]
    assert found == [(4_209, 32_318), (291, 2_518), (218, 932)]
    assert int((everything.has_structure & everything.has_go).sum()) == 3_669
    report = everything.manifest["report"]["inputs"]
    assert report == {
        "sequence": {"kept": 35_768, "refused": {}},
        "structure": {"kept": 4_718, "refused": {}},
    }
    everything.verify()


@pytest.mark.long
def test_its_labels_are_those_of_the_benchmark(everything: Corpus) -> None:
    labels = GoLabels.from_corpus(everything, min_proteins=10)
    assert isinstance(everything.ontology, GeneOntology)
    test = everything.rows("test")
    evaluated = labels.known[test[everything.has_structure[test]]]
    alone = labels.known[test[~everything.has_structure[test]]]
    assert evaluated.sum(axis=0).tolist() == [177, 116, 100]
    assert alone.sum(axis=0).tolist() == [653, 346, 447]


@pytest.mark.long
def test_reading_all_of_it_stays_within_its_budget(everything: Corpus) -> None:
    small = Corpus.open(everything.path, cache_bytes=8 << 20)
    rows = np.random.default_rng(0).permutation(len(small))[:3000]
    for record, row in zip(small.read(rows), rows, strict=True):
        assert record.id == small.ids[row]
