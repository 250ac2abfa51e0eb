"""Training from the cache is training live, and what the cache cannot give is refused."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.bundle import load_bundle
from multiprot.config import ResolvedConfig
from multiprot.data import Corpus
from multiprot.data.token_cache import fill as filling
from multiprot.embedding import Embedder
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError, DataError, TrainingError
from multiprot.student.encoder import StudentEncoder
from multiprot.student.frozen_layers import FrozenLayers
from multiprot.training.config import PretrainConfig
from multiprot.training.logs import read_table
from multiprot.training.parts import build_parts
from multiprot.training.rehearse import rehearse
from multiprot.training.run import pretrain
from tests.frozen_encoders import FrozenEncoder, registry_with_guests
from tests.training.compare import assert_same_run

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]

STEPS = 8
WHOLE = (
    *("batch.crop_residues=null", "batch.tokens_per_batch=512", "trainer.log_every=1"),
    *(f"trainer.max_steps={STEPS}", "trainer.validate_every=4"),
)
SEQUENCE = "model.sequence={name: frozen-letters, options: {width: 8}}"
STRUCTURE = "model.structure={name: frozen-backbone, options: {width: 8}}"
JOINED = "model.structure={name: gin-residue-graph, options: {width: 8, sequence_tokens: joined}}"
NO_MASKING = "objectives=[{name: go-contrast}, {name: go-annotation}, {name: token-alignment}]"


@pytest.fixture(autouse=True)
def _guests(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_with_guests()
    monkeypatch.setattr(Registry, "discover", classmethod(lambda cls: registry))


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return f"token_cache.path={tmp_path / 'cache'}"


def losses(run: Path) -> list[float]:
    return [
        float(row[key])
        for table in ("train", "valid")
        for row in read_table(run / "logs" / f"{table}.csv")
        for key in row
        if key.endswith("loss") and row[key]
    ]


def assert_close_runs(one: Path, other: Path) -> None:
    """The same losses at every step, and the same model in the end."""
    assert len(losses(one)) > 20
    assert losses(one) == pytest.approx(losses(other), rel=1e-4)
    first, second = (load_bundle(run / "bundle") for run in (one, other))
    assert first.config == second.config
    for name, tensor in first.model.state_dict().items():
        torch.testing.assert_close(tensor, second.model.state_dict()[name], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    "overrides",
    [
        (SEQUENCE, NO_MASKING),
        (SEQUENCE, NO_MASKING, "batch.structure_dropout=0.4", "batch.sequence_dropout=0.4"),
        (SEQUENCE, STRUCTURE, NO_MASKING, "batch.workers=1"),
        (STRUCTURE,),
        (SEQUENCE, JOINED, NO_MASKING),
        (SEQUENCE, "model.structure=null", "objectives=[{name: go-contrast}]"),
        (STRUCTURE, "model.sequence=null", "objectives=[{name: go-contrast}]"),
    ],
    ids=[
        "sequence",
        "dropout",
        "both",
        "masked-residue",
        "joined",
        "sequence-only",
        "structure-only",
    ],
)
def test_training_from_the_cache_is_training_live(
    recipe: Recipe,
    tmp_path: Path,
    cache: str,
    overrides: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretrain(recipe(*WHOLE, *overrides), tmp_path / "live")
    pretrain(recipe(*WHOLE, *overrides, cache), tmp_path / "cached")
    assert_close_runs(tmp_path / "live", tmp_path / "cached")
    # All is in the cache now: the encoder need not, and does not, run.
    monkeypatch.setattr(FrozenEncoder, "forward", None)
    pretrain(recipe(*WHOLE, *overrides, cache), tmp_path / "again")
    assert_same_run(tmp_path / "cached", tmp_path / "again", STEPS)


PARTLY = "model.sequence={name: student, options: {width: 64, layers: 2, freeze: 1}}"


def test_last_layers_learn_from_the_cache_as_live(
    recipe: Recipe, tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an encoder frozen in part the frozen layers are cached, also where some are withheld."""
    overrides = (*WHOLE, PARTLY, NO_MASKING, "batch.sequence_dropout=0.3")
    named = (cache, "token_cache.encoders=[sequence]")
    pretrain(recipe(*overrides), tmp_path / "live")
    pretrain(recipe(*overrides, *named), tmp_path / "cached")
    assert_close_runs(tmp_path / "live", tmp_path / "cached")
    bundles = [load_bundle(tmp_path / name / "bundle").model for name in ("live", "cached")]
    start = build_parts(recipe(*overrides).value, open_corpus_of(recipe), Registry.discover())
    moved = {
        name
        for name, tensor in start.model.sequence.state_dict().items()
        if not torch.equal(tensor, bundles[1].sequence.state_dict()[name])
    }
    assert moved
    assert all(name.startswith(("trunk.blocks.1.", "trunk.norm.")) for name in moved)
    monkeypatch.setattr(FrozenLayers, "forward", None)
    monkeypatch.setattr(StudentEncoder, "forward", None)
    pretrain(recipe(*overrides, *named), tmp_path / "again")
    assert_same_run(tmp_path / "cached", tmp_path / "again", STEPS)


def open_corpus_of(recipe: Recipe) -> Corpus:
    path = recipe().value.corpus.path
    assert path is not None
    return Corpus.open(path)


def test_bundle_holds_the_encoder_and_takes_new_proteins(
    recipe: Recipe, tmp_path: Path, cache: str, tiny_records: Any
) -> None:
    for name, more in (("live", ()), ("cached", (cache,))):
        pretrain(recipe(*WHOLE, SEQUENCE, NO_MASKING, *more), tmp_path / name)
    bundles = [load_bundle(tmp_path / name / "bundle") for name in ("live", "cached")]
    weights = [bundle.model.sequence.state_dict() for bundle in bundles]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())
    vectors = [Embedder.from_bundle(bundle).embed(tiny_records).vectors for bundle in bundles]
    assert abs(vectors[0] - vectors[1]).max() < 1e-3
    assert bundles[1].provenance["training"]["recipe"]["token_cache"]["dtype"] == "fp32"


def test_half_precision_trains_almost_alike(recipe: Recipe, tmp_path: Path, cache: str) -> None:
    few = "trainer.max_steps=4"
    pretrain(recipe(*WHOLE, few, SEQUENCE, NO_MASKING), tmp_path / "live")
    half = recipe(*WHOLE, few, SEQUENCE, NO_MASKING, cache, "token_cache.dtype=bf16")
    pretrain(half, tmp_path / "half")
    assert losses(tmp_path / "live") == pytest.approx(losses(tmp_path / "half"), rel=0.02)


def test_stopped_and_resumed_from_the_cache_to_the_bit(
    recipe: Recipe, tmp_path: Path, cache: str
) -> None:
    overrides = (*WHOLE, SEQUENCE, NO_MASKING, cache)
    pretrain(recipe(*overrides), tmp_path / "straight")
    broken = tmp_path / "broken"
    stop_at(recipe(*overrides), broken, 6)
    moved = tmp_path / "elsewhere"
    (tmp_path / "cache").rename(moved)
    pretrain(recipe(*overrides, f"token_cache.path={moved}"), broken, resume=True)
    assert_same_run(tmp_path / "straight", broken, STEPS)


def test_resuming_with_other_frozen_weights_is_refused(
    recipe: Recipe, tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = (*WHOLE, SEQUENCE, NO_MASKING, cache)
    stop_at(recipe(*overrides), tmp_path / "run", 6)
    original = FrozenEncoder.__init__

    def other(self: FrozenEncoder, *arguments: Any) -> None:
        original(self, *arguments)
        self.mix.bias.add_(1.0)

    monkeypatch.setattr(FrozenEncoder, "__init__", other)
    with pytest.raises(TrainingError, match="cannot resume: frozen weights was"):
        pretrain(recipe(*overrides), tmp_path / "run", resume=True)


def test_resuming_without_the_cache_is_another_recipe(
    recipe: Recipe, tmp_path: Path, cache: str
) -> None:
    overrides = (*WHOLE, SEQUENCE, NO_MASKING)
    stop_at(recipe(*overrides, cache), tmp_path / "run", 6)
    with pytest.raises(TrainingError, match=r"another recipe: token_cache"):
        pretrain(recipe(*overrides), tmp_path / "run", resume=True)


def test_crops_are_cut_from_whole_proteins_and_it_is_said(
    recipe: Recipe, tmp_path: Path, cache: str, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("trainer.max_steps=3", "batch.crop_residues=40", SEQUENCE, NO_MASKING)
    pretrain(recipe(*few, cache), tmp_path / "run")
    said = capsys.readouterr().err
    assert "proteins are longer than batch.crop_residues 40" in said
    assert "frozen-letters has" in said
    assert "residues x 8 channels in fp32" in said
    pretrain(recipe(*few, cache), tmp_path / "again")
    assert "residues x 8" not in capsys.readouterr().err


MASKING = "objectives=[{name: masked-residue}, {name: go-contrast}]"
READS = "model.structure={name: frozen-backbone, options: {width: 8, reads_sequence: true}}"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), r"'residue-transformer' \(sequence\) and 'residue-geometry' \(structure\) would"),
        (
            ("model.sequence={name: frozen-letters, options: {frozen: false}}", NO_MASKING),
            r"'frozen-letters' \(sequence\).*would learn; freeze it",
        ),
        (
            (SEQUENCE, NO_MASKING, "token_cache.encoders=[sequence, structure]"),
            r"here 'residue-geometry' \(structure\) would.*token_cache\.encoders",
        ),
        (
            (SEQUENCE, "model.structure=null", MASKING, "token_cache.encoders=[structure]"),
            "the model has no structure encoder",
        ),
        ((SEQUENCE, MASKING), r"'masked-residue' hides residues.*'frozen-letters'.*leave out"),
        ((READS, MASKING), r"'masked-residue' hides residues.*'frozen-backbone'"),
        ((READS, NO_MASKING), r"sequence_dropout withholds.*'frozen-backbone'.*to 0"),
        (
            (
                "model.sequence={name: frozen-letters, options: {reads_sequence: true}}",
                "model.structure=null",
                MASKING,
            ),
            "hides residues",
        ),
        ((PARTLY, NO_MASKING), r"'student' \(sequence\) and 'residue-geometry'.*would learn"),
        (
            (PARTLY, MASKING, "token_cache.encoders=[sequence]"),
            r"'masked-residue' hides residues.*'student'",
        ),
        (
            (SEQUENCE, JOINED, NO_MASKING, "token_cache.encoders=[structure]"),
            r"'gin-residue-graph' reads the sequence encoder's tokens.*token_cache\.encoders",
        ),
    ],
)  # fmt: skip
def test_what_cached_tokens_cannot_do_is_refused(
    recipe: Recipe, tmp_path: Path, cache: str, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        pretrain(recipe(*overrides, cache), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists()


def test_structure_that_reads_the_sequence_may_be_cached_where_nothing_is_withheld(
    recipe: Recipe, tmp_path: Path, cache: str
) -> None:
    overrides = (READS, NO_MASKING, "batch.sequence_dropout=0", "trainer.max_steps=2")
    assert pretrain(recipe(*overrides, cache), tmp_path / "run").steps == 2


def test_long_proteins_are_refused_before_the_run_exists(
    recipe: Recipe, tmp_path: Path, cache: str
) -> None:
    short = "model.sequence={name: frozen-letters, options: {max_residues: 50}}"
    overrides = (short, NO_MASKING, "batch.crop_residues=50", "trainer.max_steps=2", cache)
    with pytest.raises(DataError, match=r"proteins are longer than the 50 residues"):
        pretrain(recipe(*overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists()
    windows = recipe(*overrides, "token_cache.long_proteins=window")
    assert pretrain(windows, tmp_path / "run").steps == 2


def test_room_for_all_encoders_is_asked_for_before_the_first_begins(
    recipe: Recipe, tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 111 kB for sequences; structures need some more.
    monkeypatch.setattr(filling, "free_bytes", lambda path: 150_000)
    with pytest.raises(DataError, match=r"kB are needed for .* residues, but only 150 kB are free"):
        pretrain(recipe(SEQUENCE, STRUCTURE, NO_MASKING, cache), tmp_path / "run")
    assert not (tmp_path / "cache").exists()


def test_cache_inside_the_run_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    inside = f"token_cache.path={tmp_path}/run/cache"
    with pytest.raises(ConfigError, match="lies in the run's folder"):
        pretrain(recipe(SEQUENCE, NO_MASKING, inside), tmp_path / "run")


def test_rehearsal_says_what_it_would_take_and_writes_nothing(
    recipe: Recipe, tmp_path: Path, cache: str, corpus: Corpus
) -> None:
    rehearsal = rehearse(recipe(SEQUENCE, NO_MASKING, cache).value)
    proteins = len(corpus.rows("train")) + len(corpus.rows("valid"))
    assert f"frozen-letters has {proteins} proteins to encode" in rehearsal.token_cache[0]
    assert not (tmp_path / "cache").exists()


def stop_at(resolved: ResolvedConfig[PretrainConfig], out: Path, step: int) -> None:
    """Run until a checkpoint of `step`, then be told to end, as by a cluster."""
    from multiprot.training.callbacks.interruption import TrainingInterrupted
    from multiprot.training.module import PretrainModule

    original, seen = PretrainModule.training_step, {"batches": 0}

    def training_step(self: PretrainModule, batch: Any, batch_idx: int) -> Any:
        seen["batches"] += 1
        if seen["batches"] == step:
            signal.raise_signal(signal.SIGTERM)
        return original(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PretrainModule, "training_step", training_step)
        with pytest.raises(TrainingInterrupted):
            pretrain(resolved, out)
