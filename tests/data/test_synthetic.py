from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.data import Corpus, SyntheticOptions, make_synthetic_corpus
from multiprot.data.synthetic import synthetic_records
from multiprot.data.synthetic_ontology import family_terms
from multiprot.errors import DataError, OutputExistsError
from multiprot.proteins import BACKBONE_ATOMS, Confidence, ProteinRecord, backbone_dihedrals

Pairs = list[tuple[ProteinRecord, str]]
SMALL = {"families": 3, "proteins_per_family": 4}


@pytest.fixture(scope="module")
def many() -> Pairs:
    return list(synthetic_records(SyntheticOptions(families=8, proteins_per_family=20, seed=7)))


def test_options_decide_every_byte(tmp_path: Path) -> None:
    def build(name: str, **options: int) -> Corpus:
        return make_synthetic_corpus(tmp_path / name, **{**SMALL, **options})

    first, again, other = build("a"), build("b"), build("c", seed=1)
    assert first.content_hash == again.content_hash != other.content_hash
    assert first.manifest["shards"] == again.manifest["shards"]


def test_the_manifest_says_how_it_was_made(tmp_path: Path) -> None:
    options = SyntheticOptions(families=2, proteins_per_family=3, seed=5, with_go=1.0)
    corpus = make_synthetic_corpus(tmp_path / "c", options=options)
    made = corpus.manifest["inputs"]["synthetic"]
    assert SyntheticOptions(**made) == options
    corpus.verify()


def test_an_existing_folder_is_kept_unless_told(tmp_path: Path) -> None:
    first = make_synthetic_corpus(tmp_path / "c", **SMALL)
    with pytest.raises(OutputExistsError, match="already exists"):
        make_synthetic_corpus(tmp_path / "c", **SMALL, seed=1)
    assert Corpus.open(tmp_path / "c").content_hash == first.content_hash
    second = make_synthetic_corpus(tmp_path / "c", **SMALL, seed=1, overwrite=True)
    assert second.content_hash != first.content_hash


@pytest.mark.parametrize(
    "changes",
    [{"families": 0}, {"proteins_per_family": 2}, {"seed": -1}, {"with_go": 1.1}],
)
def test_options_without_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="synthetic corpus"):
        replace(SyntheticOptions(), **changes)


def test_splits_hold_every_family_and_no_sequence_twice(many: Pairs) -> None:
    sequences = [record.sequence for record, _ in many]
    assert len(set(sequences)) == len(sequences)
    families: dict[str, set[str]] = {}
    for record, split in many:
        families.setdefault(split, set()).add(record.id.split("-")[0])
    assert families["train"] == families["valid"] == families["test"]
    counts = Counter(split for _, split in many)
    assert counts == {"train": 128, "valid": 16, "test": 16}


def test_some_lack_structure_and_some_lack_go(many: Pairs) -> None:
    records = [record for record, _ in many]
    structures = np.mean([record.structure is not None for record in records])
    annotated = np.mean([record.go_terms is not None for record in records])
    assert structures == pytest.approx(0.8, abs=0.1)
    assert annotated == pytest.approx(0.85, abs=0.1)
    kinds = {(r.structure is None, r.go_terms is None) for r in records}
    assert len(kinds) == 4


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_may_be_all_or_nothing(share: float) -> None:
    options = SyntheticOptions(**SMALL, with_structure=share, with_go=share)
    for record, _ in synthetic_records(options):
        assert (record.structure is not None) == (record.go_terms is not None) == bool(share)


def test_terms_are_those_of_the_family(many: Pairs) -> None:
    denied = 0
    for record, _ in many:
        family = int(record.id[6:9])
        terms = set(family_terms(family).values())
        assert (record.go_terms or frozenset()) <= terms
        assert not record.not_go_terms & terms
        denied += bool(record.not_go_terms)
    assert denied > 0


def test_motifs_are_feature_spans(many: Pairs) -> None:
    motifs: dict[str, set[str]] = {}
    for record, _ in many:
        for span in record.features:
            assert span.kind == "motif"
            motifs.setdefault(span.name, set()).add(record.sequence[span.start : span.stop])
    assert len(motifs) == 8 * 3
    assert all(len(found) == 1 for found in motifs.values())


def test_bonds_are_ideal_and_ca_3_8_apart(many: Pairs) -> None:
    for record, _ in many:
        if record.structure is None:
            continue
        n, ca, c, o, cb = np.moveaxis(record.structure.coordinates.astype(float), 1, 0)
        for first, second, bond in ((n, ca, 1.458), (ca, c, 1.525), (c, o, 1.231), (ca, cb, 1.53)):
            found = np.linalg.norm(first - second, axis=1)
            assert found[np.isfinite(found)] == pytest.approx(bond, abs=1e-3)
        step = np.linalg.norm(np.diff(ca, axis=0), axis=1)
        assert step[np.isfinite(step)] == pytest.approx(3.8, abs=0.1)


def test_every_residue_is_an_l_amino_acid(many: Pairs) -> None:
    for record, _ in many:
        if record.structure is None:
            continue
        n, ca, c, _, cb = np.moveaxis(record.structure.coordinates.astype(float), 1, 0)
        volume = (np.cross(n - ca, c - ca) * (cb - ca)).sum(axis=1)
        assert (volume[np.isfinite(volume)] > 2.0).all()


def test_dihedrals_lie_in_the_allowed_regions(many: Pairs) -> None:
    angles = np.concatenate(
        [backbone_dihedrals(r.structure) for r, _ in many if r.structure is not None]
    )
    phi, psi, omega = np.degrees(angles[np.isfinite(angles).all(axis=1)]).T
    helical = (np.abs(phi + 65) < 35) & (np.abs(psi + 40) < 40)
    extended = (phi < -30) & (np.abs(np.abs(psi) - 140) < 60)
    left = (phi > 0) & (np.abs(psi - 45) < 60)
    assert (helical | extended | left).mean() > 0.95
    assert helical.mean() > 0.2
    assert extended.mean() > 0.2
    assert (np.abs(omega) > 160).all()


def test_structures_are_as_experiments_give_them(many: Pairs) -> None:
    beta = BACKBONE_ATOMS.index("CB")
    unresolved = 0
    for record, _ in many:
        structure = record.structure
        if structure is None:
            continue
        glycine = np.array([letter == "G" for letter in record.sequence])
        assert not structure.present[glycine, beta].any()
        resolved = structure.resolved
        assert structure.present[resolved & ~glycine].all()
        assert structure.confidence_kind is Confidence.B_FACTOR
        assert (np.isfinite(structure.confidence) == resolved).all()
        unresolved += not resolved.all()
    assert unresolved > 5


def profile(record: ProteinRecord) -> np.ndarray:
    """Shares of residue pairs: a crude picture of a sequence."""
    counts = np.zeros((26, 26))
    for first, second in zip(record.sequence, record.sequence[1:], strict=False):
        counts[ord(first) - 65, ord(second) - 65] += 1
    return np.asarray(counts.ravel() / np.linalg.norm(counts))


def test_sequences_tell_families(many: Pairs) -> None:
    """Nearest neighbour by residue pairs: what a model is to learn is there."""
    records = {split: [r for r, where in many if where == split] for split in ("train", "test")}
    train = np.stack([profile(record) for record in records["train"]])
    right = [
        records["train"][int((train @ profile(record)).argmax())].id[:9] == record.id[:9]
        for record in records["test"]
    ]
    assert np.mean(right) > 0.8


def test_structures_tell_fold_classes(many: Pairs) -> None:
    """The share of helical residues parts the all-helix from the all-strand folds."""
    helical: dict[int, list[float]] = {}
    for record, _ in many:
        if record.structure is not None:
            phi, psi, _ = np.degrees(backbone_dihedrals(record.structure)).T
            inside = (np.abs(phi + 63) < 20) & (np.abs(psi + 42) < 20)
            helical.setdefault(int(record.id[6:9]) % 4, []).append(float(inside.mean()))
    assert min(helical[0]) > max(helical[1]) + 0.2


def test_real_chains_look_alike(shared: Path) -> None:
    """The same measures on a few real chains, so that "plausible" means what it says."""
    from multiprot.proteins import read_structure_file

    paths = sorted((shared / "data/pretrain/structures").glob("1A*.bcif.gz"))[:10]
    for path in paths:
        (reading,) = read_structure_file(path)
        structure = reading.record.structure
        assert structure is not None
        n, ca, c, _, cb = np.moveaxis(structure.coordinates.astype(float), 1, 0)
        volume = (np.cross(n - ca, c - ca) * (cb - ca)).sum(axis=1)
        assert np.nanmedian(volume) == pytest.approx(2.5, abs=0.3)
        step = np.linalg.norm(np.diff(ca, axis=0), axis=1)[~structure.chain_breaks[:-1]]
        assert np.nanmedian(step) == pytest.approx(3.8, abs=0.05)
