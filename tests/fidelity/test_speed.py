"""Models timed in processes of their own; never how fast they are, only what is told of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

import pytest

from multiprot.embedding import EmbedOptions
from multiprot.errors import FidelityError
from multiprot.fidelity.card import Speed
from multiprot.fidelity.proteins import put_on_disk, read_proteins
from multiprot.fidelity.speed import Contestant, Course, measured_speeds, times_faster
from multiprot.fidelity.speed_worker import peak_mib
from tests.fidelity.students import fasta, tiny_student
from tests.tiny_model import save_tiny_bundle


def course(folder: Path, *, rounds: int = 3, length: int = 24) -> Course:
    records = read_proteins([fasta(folder / f"{length}.fasta", 10, length)], 100).records
    return Course(
        corpus=put_on_disk(records, folder),
        proteins=10,
        residues=10 * length,
        rounds=rounds,
        device="cpu",
        threads=1,
    )


def contestant(name: str, target: str, **options: object) -> Contestant:
    return Contestant(name=name, target=target, options=EmbedOptions.model_validate(options))


def test_each_model_runs_every_round_on_all_proteins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    models = [
        contestant("one", tiny_student(tmp_path / "one"), modalities="sequence"),
        contestant("other", str(save_tiny_bundle(tmp_path / "other"))),
    ]
    found = measured_speeds(models, course(tmp_path))
    assert list(found) == ["one", "other"]
    for speed in found.values():
        assert len(speed.seconds) == 3
        assert speed.residues_per_second == pytest.approx(240 / median(speed.seconds))
        assert speed.proteins_per_second == pytest.approx(10 / median(speed.seconds))
        assert speed.device_peak_mib is None
        assert speed.idle_mib is not None
        assert speed.peak_mib is not None
        assert 50 < speed.idle_mib <= speed.peak_mib
    assert not list(scratch.iterdir())


def test_a_model_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(FidelityError, match="gone: cannot be timed: BundleError"):
        measured_speeds([contestant("gone", str(tmp_path / "absent"))], course(tmp_path))


def test_a_model_that_refuses_proteins_is_not_timed(tmp_path: Path) -> None:
    bundle = str(save_tiny_bundle(tmp_path / "bundle"))
    given = read_proteins([fasta(tmp_path / "a.fasta", 10)], 100).records
    longer = read_proteins([fasta(tmp_path / "b.fasta", 9, 200)], 100).records[:1]
    mixed = Course(
        corpus=put_on_disk((*given[:9], *longer), tmp_path),
        proteins=10,
        residues=9 * 24 + 200,
        rounds=1,
        device="cpu",
        threads=1,
    )
    with pytest.raises(FidelityError, match="it: embeds 9 of the 10 proteins"):
        measured_speeds([contestant("it", bundle, long_proteins="refuse")], mixed)


def test_the_ratio_is_of_rounds() -> None:
    def speed(*seconds: float) -> Speed:
        return Speed(
            seconds=seconds,
            residues_per_second=1,
            proteins_per_second=1,
            peak_mib=None,
            idle_mib=None,
        )

    # A disturbance that lasts for the whole third round touches both.
    assert times_faster(speed(1, 1, 9), speed(2, 3, 18)) == 2


def test_memory_is_told() -> None:
    found = peak_mib()
    assert found is not None
    assert 20 < found < 10**6
