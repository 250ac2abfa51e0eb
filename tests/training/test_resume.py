"""Twenty steps are twenty steps, however often the run was interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer

from multiprot.config import ResolvedConfig, load_config
from multiprot.errors import OutputExistsError, TrainingError
from multiprot.training import session as session_module
from multiprot.training.callbacks.interruption import TrainingInterrupted
from multiprot.training.checkpoint_files import checkpoint_path, list_checkpoints
from multiprot.training.config import PretrainConfig
from multiprot.training.run import pretrain
from multiprot.training.run_folder import RunFolder
from tests.training.compare import assert_same_run, bundle_weights

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]


INNER = (
    "objectives=[{name: token-alignment}, {name: mutual-information, options: {queue: 16}}]",
    "batch.tokens_per_batch=256",
)


class AbortedError(Exception):
    """Stands for a crash."""


class AbortAfter(Callback):
    """Crashes, or is asked to stop, right after a step."""

    def __init__(self, step: int, how: Callable[[], None]) -> None:
        self.step, self.how = step, how

    def on_train_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step == self.step:
            self.how()


def crash() -> None:
    raise AbortedError


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def abort(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Make the next sessions abort after a step; step -1 lets them be."""
    original = session_module.Session._callbacks

    def arm(step: int, how: Callable[[], None] = crash) -> None:
        def callbacks(self: session_module.Session) -> list[Callback]:
            return [AbortAfter(step, how), *original(self)]

        monkeypatch.setattr(session_module.Session, "_callbacks", callbacks)

    return arm


@pytest.mark.parametrize(
    ("stopped_at", "overrides"),
    [
        (13, ()),
        (10, ("trainer.accumulate=2", "batch.tokens_per_batch=256")),
        # The checkpoint gone on from was written right after a look at the valid split.
        (17, ("trainer.checkpoint_every_steps=8",)),
        (16, ("trainer.checkpoint_every_steps=8", "averaging.decay=null")),
        # Negatives of past steps.
        (13, ("objectives=[{name: mutual-information, options: {queue: 16}}]",)),
        # Inner steps that are kept, and such as are taken back.
        (13, (*INNER, "bilevel={adapted: keep, steps: 2, learning_rate: 0.1}")),
        (10, (*INNER, "bilevel={adapted: keep, learning_rate: 0.1}", "trainer.accumulate=2")),
        (13, (*INNER, "bilevel={adapted: discard, learning_rate: 0.1}")),
    ],
)
def test_resumed_run_equals_the_uninterrupted_one_to_the_bit(
    recipe: Recipe,
    tmp_path: Path,
    abort: Callable[..., None],
    stopped_at: int,
    overrides: tuple[str, ...],
) -> None:
    resolved = recipe(*overrides)
    pretrain(resolved, tmp_path / "straight")
    abort(stopped_at)
    with pytest.raises(AbortedError):
        pretrain(resolved, tmp_path / "broken")
    abort(-1)
    pretrain(resolved, tmp_path / "broken", resume=True)
    assert_same_run(tmp_path / "straight", tmp_path / "broken", 20)


@pytest.mark.parametrize("stopped_at", [7, 8])
def test_ctrl_c_leaves_a_checkpoint_of_the_step_it_came_in(
    recipe: Recipe, tmp_path: Path, abort: Callable[..., None], stopped_at: int
) -> None:
    resolved = recipe("trainer.max_steps=12")
    pretrain(resolved, tmp_path / "straight")
    before = signal.getsignal(signal.SIGINT)
    abort(stopped_at, press_ctrl_c)
    with pytest.raises(TrainingInterrupted) as stop:
        pretrain(resolved, tmp_path / "stopped")
    assert (stop.value.step, stop.value.signal_number) == (stopped_at, signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert list_checkpoints(tmp_path / "stopped" / "checkpoints")[-1].name == (
        f"step-{stopped_at:08d}.ckpt"
    )
    assert not (tmp_path / "stopped" / "bundle").exists()
    abort(-1)
    pretrain(resolved, tmp_path / "stopped", resume=True)
    assert_same_run(tmp_path / "straight", tmp_path / "stopped", 12)


def test_second_ctrl_c_stops_at_once(
    recipe: Recipe, tmp_path: Path, abort: Callable[..., None]
) -> None:
    def press_twice() -> None:
        press_ctrl_c()
        press_ctrl_c()

    before = signal.getsignal(signal.SIGINT)
    abort(3, press_twice)
    with pytest.raises(KeyboardInterrupt):
        pretrain(recipe(), tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before
    assert list_checkpoints(tmp_path / "run" / "checkpoints") == []


@pytest.fixture
def stopped(recipe: Recipe, tmp_path: Path, abort: Callable[..., None]) -> Path:
    """A run that was stopped after step 7, with checkpoints of steps 5 and 7."""
    abort(7, press_ctrl_c)
    with pytest.raises(TrainingInterrupted):
        pretrain(recipe("trainer.max_steps=9"), tmp_path / "run")
    abort(-1)
    return tmp_path / "run"


def test_resume_refuses_other_settings_and_names_them(recipe: Recipe, stopped: Path) -> None:
    with pytest.raises(TrainingError, match=r"optimizer\.peak_lr was 0\.005 and is 0\.1") as raised:
        pretrain(recipe("optimizer.peak_lr=0.1", "trainer.max_steps=11"), stopped, resume=True)
    assert "max_steps" not in str(raised.value)


def test_resume_may_take_more_steps_and_keeps_origins(recipe: Recipe, stopped: Path) -> None:
    results = pretrain(recipe("trainer.max_steps=11"), stopped, resume=True)
    assert results.steps == 11
    text = (stopped / "config.yaml").read_text()
    assert "max_steps: 11  # command line" in text
    assert "tiny.yaml" in next(line for line in text.splitlines() if "peak_lr" in line)
    own = load_config(PretrainConfig, stopped / "config.yaml", ["trainer.max_steps=13"])
    assert pretrain(own, stopped, resume=True).steps == 13
    assert "tiny.yaml" in next(
        line for line in (stopped / "config.yaml").read_text().splitlines() if "peak_lr" in line
    )


def test_resume_of_a_complete_run_says_so(recipe: Recipe, stopped: Path) -> None:
    pretrain(recipe("trainer.max_steps=9"), stopped, resume=True)
    with pytest.raises(TrainingError, match="complete after 9 steps"):
        pretrain(recipe("trainer.max_steps=9"), stopped, resume=True)


def test_resume_after_the_last_step_writes_what_is_missing(recipe: Recipe, stopped: Path) -> None:
    pretrain(recipe("trainer.max_steps=9"), stopped, resume=True)
    whole = bundle_weights(stopped)
    shutil.rmtree(stopped / "bundle")
    pretrain(recipe("trainer.max_steps=9"), stopped, resume=True)
    assert bundle_weights(stopped) == whole


def test_resume_refuses_another_corpus(recipe: Recipe, stopped: Path) -> None:
    facts = json.loads((stopped / "run.json").read_text())
    (stopped / "run.json").write_text(json.dumps(facts | {"corpus_content_hash": "feed"}))
    with pytest.raises(TrainingError, match="corpus content hash was feed"):
        pretrain(recipe("trainer.max_steps=9"), stopped, resume=True)


def test_damaged_checkpoint_is_named_with_the_older_one(recipe: Recipe, stopped: Path) -> None:
    newest = checkpoint_path(stopped / "checkpoints", 7)
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.raises(TrainingError, match=r"step-00000007.*damaged.*step-00000005") as raised:
        pretrain(recipe("trainer.max_steps=9"), stopped, resume=True)
    assert "\n" not in str(raised.value)
    newest.unlink()
    assert pretrain(recipe("trainer.max_steps=9"), stopped, resume=True).steps == 9


def test_nothing_to_resume(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no run to resume"):
        pretrain(recipe(), tmp_path / "nowhere", resume=True)
    folder = RunFolder(tmp_path / "begun")
    folder.write_config(recipe())
    with pytest.raises(TrainingError, match=r"no checkpoint.*--overwrite"):
        pretrain(recipe(), folder.path, resume=True)


def test_existing_folder_needs_a_flag_and_overwrite_starts_anew(
    recipe: Recipe, stopped: Path
) -> None:
    with pytest.raises(OutputExistsError, match=r"--resume.*--overwrite"):
        pretrain(recipe("trainer.max_steps=2"), stopped)
    assert len(list_checkpoints(stopped / "checkpoints")) == 2
    assert pretrain(recipe("trainer.max_steps=2"), stopped, overwrite=True).steps == 2
    assert [p.name for p in list_checkpoints(stopped / "checkpoints")] == ["step-00000002.ckpt"]
