"""What may be written, gone on with or removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.config import ResolvedConfig
from multiprot.errors import OutputExistsError, TrainingError
from multiprot.training.config import PretrainConfig
from multiprot.training.run_folder import RunFolder, flat

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]


def test_empty_folder_and_no_folder_may_be_written(tmp_path: Path) -> None:
    RunFolder(tmp_path / "new").refuse_existing(overwrite=False)
    (tmp_path / "empty").mkdir()
    RunFolder(tmp_path / "empty").refuse_existing(overwrite=False)


@pytest.mark.parametrize("overwrite", [True, False])
def test_folder_that_is_no_run_is_never_removed(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputExistsError):
        RunFolder(tmp_path).refuse_existing(overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("overwrite", [True, False])
def test_file_in_the_way_is_refused(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputExistsError, match="file"):
        RunFolder(tmp_path / "file").refuse_existing(overwrite=overwrite)


def test_former_run_is_removed_when_asked(recipe: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_config(recipe())
    with pytest.raises(OutputExistsError, match=r"--resume.*--overwrite"):
        folder.refuse_existing(overwrite=False)
    folder.refuse_existing(overwrite=True)
    folder.clear()
    assert not folder.path.exists()


@pytest.mark.parametrize(
    "override",
    ["trainer.max_steps=7", "trainer.log_every=3", "trainer.threads=2", "batch.workers=1"],
)
def test_what_does_not_change_the_outcome_may_change(
    recipe: Recipe, tmp_path: Path, override: str
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_config(recipe())
    folder.check_resumable(recipe(override).value)


@pytest.mark.parametrize(
    "override",
    [
        "seed=6",
        "trainer.accumulate=2",
        "trainer.precision=bf16-mixed",
        "trainer.devices=2",
        "batch.tokens_per_batch=1024",
        "model.fusion.dropout=0.5",
        "model.sequence.options.dropout=0.5",
        "schedule.shape=wsd",
        "averaging.decay=null",
    ],
)
def test_what_changes_the_outcome_is_named(recipe: Recipe, tmp_path: Path, override: str) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_config(recipe())
    key = override.partition("=")[0]
    with pytest.raises(TrainingError, match=f"{key} was") as raised:
        folder.check_resumable(recipe(override).value)
    assert str(raised.value).count(" was ") == 1


def test_origins_survive_several_resumptions(recipe: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    first = recipe("seed=9")
    folder.write_config(first)
    for steps in (30, 40):
        again = ResolvedConfig(
            recipe("seed=9", f"trainer.max_steps={steps}").value,
            dict.fromkeys(first.origins, "run/config.yaml:1")
            | {"trainer.max_steps": "command line"},
        )
        again = folder.with_former_origins(again)
        folder.write_config(again)
        assert again.origins == {**first.origins, "trainer.max_steps": "command line"}


trees = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=3)),
    lambda inner: (
        st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, min_size=1)
        | st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


@given(trees)
def test_flat_keeps_every_leaf_under_its_path(tree: object) -> None:
    for key, value in flat({"root": tree}).items():
        node: object = {"root": tree}
        for part in key.split("."):
            node = node[int(part)] if isinstance(node, list) else node[part]
        assert node == value
