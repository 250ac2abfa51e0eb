"""Structures found by sequence: the right one, on the right residues, or none."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from multiprot.data.mmseqs import has_mmseqs
from multiprot.errors import EvaluationError, FileFormatError
from multiprot.evaluation.structures import StructureLibrary, StructureOptions
from multiprot.evaluation.structures import library as module
from multiprot.evaluation.structures.similar import aligned_places
from multiprot.proteins import ProteinRecord
from multiprot.proteins.structure_writer import write_structure
from multiprot.testing.records import backbone, protein, without_atoms

CHAINS = tuple(protein(np.random.default_rng(seed), f"c{seed}", 60 + seed) for seed in range(4))
needs_mmseqs = pytest.mark.skipif(not has_mmseqs(), reason="mmseqs2 is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chains in files whose names and order say nothing."""
    made = tmp_path_factory.mktemp("structures")
    for name, record in zip(("z", "b", "x", "a"), CHAINS, strict=True):
        write_structure(record, made / f"{name}.cif")
    return made


def library(folder: Path, *sequences: str, **options: float) -> StructureLibrary:
    made = StructureLibrary(folder, StructureOptions.model_validate(options))
    made.match(sequences)
    return made


def assert_same_coordinates(found: ProteinRecord, chain: ProteinRecord) -> None:
    """As far as the file's three digits go."""
    here, there = backbone(found), backbone(chain)
    np.testing.assert_array_equal(here.present, there.present)
    np.testing.assert_allclose(here.coordinates, there.coordinates, atol=2e-3)


def test_each_sequence_gets_its_own_chain_whatever_the_order(folder: Path) -> None:
    asked = list(CHAINS)
    random.Random(3).shuffle(asked)
    found = library(folder, *(chain.sequence for chain in asked))
    for chain in CHAINS:
        assert_same_coordinates(found.record(chain.sequence), chain)
        match = found.get(chain.sequence)
        assert match is not None
        assert (match.same, match.identity, match.coverage) == (True, 1.0, 1.0)


def test_other_sequences_have_none(folder: Path) -> None:
    """One residue more, one less, one other: not the same protein."""
    own = CHAINS[0].sequence
    others = [own + "A", own[1:], ("A" if own[0] != "A" else "G") + own[1:], "MKV"]
    found = library(folder, *others)
    assert [found.get(sequence) for sequence in others] == [None] * 4
    assert found.record("MKV").structure is None


def test_a_sequence_that_was_not_looked_for_is_an_error(folder: Path) -> None:
    with pytest.raises(EvaluationError, match="call match first"):
        library(folder).record(CHAINS[0].sequence)


def test_too_few_resolved_residues_are_none(tmp_path: Path) -> None:
    atoms = np.zeros((60, 5), np.bool_)
    atoms[:30] = True
    half = without_atoms(replace(CHAINS[0], id="half"), atoms)
    write_structure(half, tmp_path / "half.cif")
    assert library(tmp_path, half.sequence).get(half.sequence) is None
    match = library(tmp_path, half.sequence, structure_coverage=0.5).get(half.sequence)
    assert match is not None
    assert match.coverage == 0.5


def test_of_two_chains_of_a_sequence_the_better_resolved_counts(tmp_path: Path) -> None:
    atoms = np.zeros((60, 5), np.bool_)
    atoms[50:] = True
    write_structure(without_atoms(CHAINS[0], atoms), tmp_path / "a.cif")
    write_structure(CHAINS[0], tmp_path / "b.cif")
    write_structure(CHAINS[0], tmp_path / "c.cif")
    match = library(tmp_path, CHAINS[0].sequence).get(CHAINS[0].sequence)
    assert match is not None
    assert (match.source, match.coverage) == ("b", 1.0)


@needs_mmseqs
def test_a_domain_gets_its_part_of_the_chain(folder: Path) -> None:
    chain = CHAINS[3]
    domain = chain.sequence[7:52]
    assert library(folder, domain).get(domain) is None
    found = library(folder, domain, structure_identity=0.9).record(domain)
    np.testing.assert_allclose(
        backbone(found).coordinates, backbone(chain).coordinates[7:52], atol=2e-3
    )


@needs_mmseqs
def test_a_mutant_gets_the_coordinates_and_a_longer_protein_gaps(folder: Path) -> None:
    chain = CHAINS[2]
    own, place = chain.sequence, 30
    letter = "A" if own[place] != "A" else "G"
    mutant = own[:place] + letter + own[place + 1 :]
    longer = "MGSHHHHHH" + own
    found = library(folder, mutant, longer, structure_identity=0.9)
    assert_same_coordinates(found.record(mutant), chain)
    match = found.get(mutant)
    assert match is not None
    assert (match.same, match.source) == (False, "x")
    assert match.identity == pytest.approx(1 - 1 / len(own), abs=0.01)
    tagged = backbone(found.record(longer))
    # mmseqs2 may align the first residues or not: what is there, is in its place.
    assert not tagged.resolved[:5].any()
    assert tagged.resolved[12:].all()
    np.testing.assert_allclose(tagged.coordinates[12:], backbone(chain).coordinates[3:], atol=2e-3)


@needs_mmseqs
def test_strangers_and_short_overlaps_have_none(folder: Path) -> None:
    stranger = protein(np.random.default_rng(99), "s", 70).sequence
    mostly_other = CHAINS[0].sequence + protein(np.random.default_rng(98), "o", 60).sequence
    found = library(folder, stranger, mostly_other, structure_identity=0.9)
    assert found.get(stranger) is None
    assert found.get(mostly_other) is None
    half = library(folder, mostly_other, structure_identity=0.9, structure_coverage=0.45)
    assert half.get(mostly_other) is not None


@needs_mmseqs
def test_what_a_sequence_gets_does_not_depend_on_the_others(folder: Path) -> None:
    asked = [CHAINS[1].sequence[5:55], CHAINS[2].sequence[:50], CHAINS[3].sequence]
    together = library(folder, *asked, structure_identity=0.9)
    for sequence in asked:
        alone = library(folder, sequence, structure_identity=0.9)
        assert alone.record(sequence) == together.record(sequence)


def test_places_follow_the_alignment() -> None:
    here, there = aligned_places("2M1I3M2D1M", 4, 0)
    assert here.tolist() == [4, 5, 7, 8, 9, 10]
    assert there.tolist() == [0, 1, 2, 3, 4, 7]


@needs_mmseqs
def test_where_residues_are_left_out_the_chain_is_broken(folder: Path) -> None:
    """A loop of the chain that the protein lacks: its ends are far apart, and not bonded."""
    own = CHAINS[3].sequence
    shorter = own[:28] + own[34:]
    found = library(folder, shorter, structure_identity=0.7, structure_coverage=0.9)
    assert backbone(found.record(shorter)).chain_breaks.sum() == 1


def test_the_key_tells_folders_and_options_apart(folder: Path, tmp_path: Path) -> None:
    for name, record in zip("pqrs", CHAINS, strict=True):
        write_structure(record, tmp_path / f"{name}.cif")
    keys = [library(folder).key, library(tmp_path).key]
    assert keys[0] == keys[1]
    (tmp_path / "s.cif").unlink()
    keys += [library(tmp_path).key, library(folder, structure_coverage=0.5).key]
    assert len(set(keys)) == 3


def test_bad_folders_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileFormatError, match="no such folder"):
        StructureLibrary(tmp_path / "none")
    (tmp_path / "a.pdb").write_text("not a structure\n")
    with pytest.raises(EvaluationError, match=r"not one of 1 files.*give another folder"):
        StructureLibrary(tmp_path)
    monkeypatch.setattr(module, "has_mmseqs", lambda: False)
    with pytest.raises(EvaluationError, match=r"structure_identity 0.9: needs mmseqs2"):
        StructureLibrary(tmp_path, StructureOptions(structure_identity=0.9))
    with pytest.raises(ValidationError):
        StructureOptions(structure_identity=1.5)


def test_files_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    write_structure(CHAINS[0], tmp_path / "good.cif")
    (tmp_path / "bad.pdb").write_text("not a structure\n")
    chains = StructureLibrary(tmp_path).chains
    assert (chains.files, chains.chains, len(chains.unreadable)) == (2, 1, 1)
    assert "bad.pdb" in chains.unreadable[0]
