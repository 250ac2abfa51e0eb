"""The model of each checkpoint: in order, with the weights of then, and told if it is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from multiprot.errors import TrainingError
from multiprot.training.checkpoint_files import SafeCheckpointIO, checkpoint_path, list_checkpoints
from multiprot.training.checkpoint_model import checkpoint_models
from tests.transfer.runs import make_corpus, make_run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("checkpoints")
    make_corpus(place / "corpus")
    return make_run(place / "run", place / "corpus")


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def test_steps_ascend_and_bring_their_weights(run: Path) -> None:
    found = dict(checkpoint_models(run))
    assert list(found) == [2, 4, 6]
    for step, bundle in found.items():
        path = checkpoint_path(run / "checkpoints", step)
        state = SafeCheckpointIO().load_checkpoint(path)["state_dict"]
        weights = bundle.model.state_dict()
        assert {f"model.{name}" for name in weights} <= set(state)
        for name, tensor in weights.items():
            torch.testing.assert_close(tensor, state[f"model.{name}"], rtol=0, atol=0)
        assert not bundle.model.training
    # Vectors of different steps must not be taken for one another.
    assert len({bundle.content_hash for bundle in found.values()}) == 3


def test_steps_are_ordered_by_number_not_by_name(run: Path) -> None:
    (run / "checkpoints" / "step-00000006.ckpt").rename(run / "checkpoints" / "step-10000000.ckpt")
    (run / "checkpoints" / "step-last.ckpt").write_text("not one of ours")
    (run / "checkpoints" / ".step-00000008.ckpt.x").write_text("half written")
    assert [step for step, _ in checkpoint_models(run)] == [2, 4, 10_000_000]


def test_one_model_at_a_time_is_held(run: Path) -> None:
    models = checkpoint_models(run)
    next(models)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(TrainingError, match=r"step-00000004\.ckpt: the checkpoint is damaged"):
        next(models)


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"PK\x03\x04 cut", None], ids=["empty", "junk", "zip", "half"]
)
def test_a_damaged_checkpoint_is_named(run: Path, content: bytes | None) -> None:
    path = list_checkpoints(run / "checkpoints")[1]
    old = path.read_bytes()
    path.write_bytes(old[: len(old) // 2] if content is None else content)
    models = checkpoint_models(run)
    assert next(models)[0] == 2
    with pytest.raises(TrainingError, match=r"step-00000004\.ckpt: the checkpoint is damaged") as e:
        next(models)
    assert "\n" not in str(e.value)


def test_a_flipped_bit_is_found(run: Path) -> None:
    """It would be a slightly different model, which nobody could tell."""
    path = list_checkpoints(run / "checkpoints")[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"step-00000002\.ckpt: the checkpoint is damaged"):
        next(checkpoint_models(run))


def test_a_checkpoint_of_another_model_is_named(run: Path) -> None:
    path = list_checkpoints(run / "checkpoints")[0]
    content = SafeCheckpointIO().load_checkpoint(path)
    state = content["state_dict"]
    name = next(name for name in state if name.startswith("model."))
    SafeCheckpointIO().save_checkpoint({"state_dict": {**state, name: torch.zeros(3, 1, 4)}}, path)
    with pytest.raises(TrainingError, match=r"step-00000002\.ckpt: does not fit .*bundle"):
        list(checkpoint_models(run))
    SafeCheckpointIO().save_checkpoint({"epoch": 1}, path)
    with pytest.raises(TrainingError, match="does not fit"):
        list(checkpoint_models(run))


def test_what_is_missing_is_told_at_once(run: Path) -> None:
    """Before a model is asked for: a study shall not begin with it."""
    shutil.rmtree(run / "bundle")
    with pytest.raises(TrainingError, match=r"a finished run with checkpoints is needed"):
        checkpoint_models(run)
    with pytest.raises(TrainingError, match=r"nowhere: a finished run"):
        checkpoint_models(run / "nowhere")
