"""The long campaign: `multiprot embed` is killed again and again; nothing is lost or doubled."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import EmbeddingStore
from multiprot.proteins import AMINO_ACIDS
from tests.cli.embed_process import children_of, finished_shards, is_alive, start, wait_for
from tests.embedding.ledger.runs import content_of, entries, fasta, ledger_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

KILLS = 20
SHAPE = ("layers=1", "width=32", "heads=2", "max_residues=100")


def arguments(path: Path, out: Path, *more: object) -> tuple[object, ...]:
    """A small transformer with random weights, always the same."""
    options = [part for option in SHAPE for part in ("--set", option)]
    model = ("--model", "residue-transformer", "--shard-proteins", "150", "--residues", *options)
    return (path, "--out", out, *model, *more)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty shards with repeats near and far, windows, and what is refused."""
    proteins = entries(6000, seed=31, longest=120)
    rng = random.Random(31)
    for _ in range(600):
        first, second = sorted(rng.sample(range(6000), 2))
        proteins[second] = (proteins[second][0], proteins[first][1])
    for row in rng.sample(range(6000), 40):
        proteins[row] = (proteins[row][0], "AC1DE")
    for row in rng.sample(range(1, 6000), 40):
        proteins[row] = (proteins[0][0], proteins[row][1])
    return fasta(tmp_path_factory.mktemp("campaign") / "in.fasta", proteins)


def undisturbed(path: Path, out: Path, *more: object) -> tuple[dict[str, bytes], float]:
    """The store's files, and seconds from its first shard to its last."""
    with start(*arguments(path, out, *more)) as process:
        wait_for(lambda: finished_shards(out), [process])
        began = time.monotonic()
        process.communicate(timeout=600)
    assert process.returncode == 0
    return content_of(out), time.monotonic() - began


def killed(path: Path, out: Path, seconds: float, more: Sequence[object], *, at_work: bool) -> bool:
    """Whether a run that goes on with `out` was killed `seconds` after it took up the store.

    If it is to be `at_work`, seconds count from the first shard that it finishes.
    """
    before = finished_shards(out)
    work = out.with_name("out.unfinished") / "_work" / "seen.sqlite"
    # What the killed one before left would be taken for a sign of this one.
    work.unlink(missing_ok=True)
    with start(*arguments(path, out, "--resume", *more)) as process:
        wait_for(lambda: work.exists() or process.poll() is not None)
        if at_work:
            wait_for(lambda: finished_shards(out) > before or process.poll() is not None)
        time.sleep(seconds)
        helpers = children_of(process.pid)
        process.kill()
        process.communicate()
    wait_for(lambda: not any(map(is_alive, helpers)), limit=15)
    return process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("more", [(), ("--workers", 2)], ids=["one process", "two workers"])
def test_killed_at_random_moments(path: Path, tmp_path: Path, more: tuple[object, ...]) -> None:
    whole, seconds = undisturbed(path, tmp_path / "whole", *more)
    moments = random.Random(7)
    out, kills, progress = tmp_path / "out", 0, set()
    while kills < KILLS:
        moment = moments.uniform(0, seconds / 8)
        kills += killed(path, out, moment, more, at_work=kills % 2 == 0)
        progress.add(finished_shards(out))
        if out.exists():
            # It came to its end first, or was killed when the store was whole.
            assert content_of(out) == whole
            out.rename(tmp_path / f"done-{len(list(tmp_path.glob('done-*')))}")
    with start(*arguments(path, out, "--resume", *more)) as process:
        _, error = process.communicate(timeout=600)
    assert process.returncode == 0, error
    assert content_of(out) == whole
    assert not out.with_name("out.lock").exists()
    assert len(progress) > KILLS // 3
    rows = ledger_of(out)
    assert [row["input"] for row in rows] == list(range(6000))
    written = [row["id"] for row in rows if row["status"] != "refused"]
    assert list(EmbeddingStore.open(out).ids) == written
    assert len(set(written)) == len(written)


def test_workers_give_the_store_of_one_process(path: Path, tmp_path: Path) -> None:
    """Threads of each: one, as this campaign sets it."""
    one, _ = undisturbed(path, tmp_path / "one")
    two, _ = undisturbed(path, tmp_path / "two", "--workers", 2)
    assert two == one


def test_one_protein_of_40_000_residues_among_10_000(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    proteins = entries(10_000, seed=32, longest=60)
    giant = "".join(rng.choice(list(AMINO_ACIDS), 40_000))
    proteins.insert(5_000, ("titin", giant))
    path, out = fasta(tmp_path / "in.fasta", proteins), tmp_path / "out"
    with start(*arguments(path, out)) as process:
        _, error = process.communicate(timeout=900)
    assert process.returncode == 0, error
    store = EmbeddingStore.open(out)
    assert store.ids == tuple(name for name, _ in proteins)
    row = next(row for row in ledger_of(out) if row["id"] == "titin")
    # Windows of 100 that overlap by 64: each reaches 36 further.
    assert (row["status"], row["windows"]) == ("windowed", -(-(40_000 - 64) // 36))
    protein = store["titin"]
    assert protein.residues is not None
    assert protein.residues.shape == (40_000, 32)
    assert np.isfinite(protein.residues).all()
    mean = protein.residues.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(protein.vector, mean, atol=1e-5)
