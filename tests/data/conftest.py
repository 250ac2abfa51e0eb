"""A small corpus, and the raw files that another could be built from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

from multiprot.data import BatchConfig, Corpus, CorpusBuildOptions, CorpusWriter
from multiprot.data.synthetic import SyntheticOptions, make_synthetic_corpus, synthetic_records
from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord, write_fasta, write_structure

FAMILIES, MEMBERS = 5, 8


@pytest.fixture(scope="session")
def options() -> SyntheticOptions:
    return SyntheticOptions(families=FAMILIES, proteins_per_family=MEMBERS, with_structure=0.6)


@pytest.fixture(scope="session")
def pairs(options: SyntheticOptions) -> list[tuple[ProteinRecord, str]]:
    """Forty records and their splits."""
    return list(synthetic_records(options))


@pytest.fixture(scope="session")
def ontology() -> GeneOntology:
    return mini_ontology(FAMILIES)


@pytest.fixture(scope="session")
def corpus(options: SyntheticOptions, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The same forty records as a corpus; must not be changed on disk."""
    return make_synthetic_corpus(tmp_path_factory.mktemp("corpus") / "corpus", options=options)


WriteCorpus = Callable[..., Corpus]


@pytest.fixture
def write_corpus(tmp_path: Path, ontology: GeneOntology) -> WriteCorpus:
    """Writes (record, split) pairs as a corpus."""

    def write(
        pairs: Sequence[tuple[ProteinRecord, str]],
        name: str = "written",
        *,
        go: GeneOntology | None = ontology,
        cache_bytes: int = 1 << 20,
        **layout: int,
    ) -> Corpus:
        folder = tmp_path / name
        folder.mkdir()
        with CorpusWriter(folder, **layout) as writer:
            for record, split in pairs:
                writer.add(record, split)
        writer.finish(go)
        return Corpus.open(folder, cache_bytes=cache_bytes)

    return write


@pytest.fixture
def lengths_corpus(write_corpus: WriteCorpus) -> Callable[..., Corpus]:
    """A corpus of bare proteins of the given lengths, all distinct, all in train."""

    def make(lengths: Sequence[int], name: str = "lengths") -> Corpus:
        rng = np.random.default_rng(0)
        letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
        records = [
            ProteinRecord(id=f"p{i}", sequence="".join(rng.choice(letters, n)))
            for i, n in enumerate(lengths)
        ]
        return write_corpus([(record, "train") for record in records], name, go=None)

    return make


@pytest.fixture
def plain_batches() -> Callable[..., BatchConfig]:
    """Batches without dropout, cropping or over-sampling unless asked for."""

    def make(**changes: Any) -> BatchConfig:
        settings = {
            "tokens_per_batch": 1000,
            "crop_residues": None,
            "structure_dropout": 0.0,
            "sequence_dropout": 0.0,
            "go_min_proteins": 2,
        }
        return BatchConfig(**{**settings, **changes})

    return make


@dataclass(frozen=True)
class RawInputs:
    """Files on disk, and the records that a build of them must give, by id."""

    folder: Path
    records: dict[str, tuple[ProteinRecord, str]]

    @property
    def structures(self) -> Path:
        return self.folder / "structures"

    @property
    def sequences(self) -> Path:
        return self.folder / "sequences.fasta"

    def build_options(self, **changes: Any) -> CorpusBuildOptions:
        """All inputs; read without helper processes."""
        values = {
            "structures": self.structures,
            "sequences": self.sequences,
            "annotations": self.folder / "annotations.tsv",
            "ontology": self.folder / "go.obo",
            "features": self.folder / "features.tsv",
            "splits": self.folder / "splits.tsv",
            "workers": 0,
        }
        return CorpusBuildOptions(**{**values, **changes})

    def arguments(self, out: Path, **changes: str | None) -> list[str]:
        """The same as arguments of `multiprot`."""
        values: dict[str, str | None] = {
            "structures": str(self.structures),
            "sequences": str(self.sequences),
            "annotations": str(self.folder / "annotations.tsv"),
            "ontology": str(self.folder / "go.obo"),
            "features": str(self.folder / "features.tsv"),
            "splits": str(self.folder / "splits.tsv"),
            "workers": "0",
            "out": str(out),
        }
        given = {**values, **changes}
        pairs = [(f"--{k.replace('_', '-')}", v) for k, v in given.items() if v is not None]
        return ["data", "build", *(part for pair in pairs for part in pair)]


@pytest.fixture
def raw(raw_original: RawInputs, tmp_path: Path) -> RawInputs:
    """Inputs that a test may change."""
    return RawInputs(Path(copytree(raw_original.folder, tmp_path / "raw")), raw_original.records)


@pytest.fixture(scope="session")
def raw_original(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[ProteinRecord, str]],
    ontology: GeneOntology,
) -> RawInputs:
    """Every third record lacks FASTA if it has a structure; every input of a build is there."""
    folder = tmp_path_factory.mktemp("inputs") / "raw"
    pairs = [pair for number, pair in enumerate(pairs) if number % MEMBERS in (0, 1, 6, 7)]
    (folder / "structures").mkdir(parents=True)
    in_fasta = []
    rows: dict[str, list[str]] = {
        "annotations": ["protein_id\tgo_id\taspect\tevidence\tqualifier"],
        "features": ["protein_id\ttype\tstart\tend\tname"],
        "splits": ["protein_id\tsplit"],
    }
    for number, (record, split) in enumerate(pairs):
        if record.structure is not None:
            suffix = "cif.gz" if number % 2 else "cif"
            write_structure(record, folder / "structures" / f"{record.id}.{suffix}")
        if record.structure is None or number % 3:
            in_fasta.append(record)
        for qualifier, terms in (("", record.go_terms or ()), ("NOT", record.not_go_terms)):
            for term in sorted(terms):
                aspect = {"m": "F", "b": "P", "c": "C"}[ontology.namespace(term)[0]]
                rows["annotations"].append(f"{record.id}\t{term}\t{aspect}\tIDA\t{qualifier}")
        rows["features"] += [
            f"{record.id}\t{f.kind}\t{f.start + 1}\t{f.stop}\t{f.name}" for f in record.features
        ]
        rows["splits"].append(f"{record.id}\t{split}")
    write_fasta(in_fasta, folder / "sequences.fasta")
    ontology.write_obo(folder / "go.obo")
    for name, lines in rows.items():
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return RawInputs(folder, {record.id: (record, split) for record, split in pairs})
