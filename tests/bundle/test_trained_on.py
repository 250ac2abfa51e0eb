"""Hashes of what a model learnt from: golden, sorted, whole, and nothing else is read as such."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.bundle import TrainingSequences, load_bundle
from multiprot.bundle import format as layout
from multiprot.errors import BundleError, MultiprotError
from tests.tiny_model import SEEN

SEQUENCES = st.lists(st.text("ACDEFGHIKLMNPQRSTVWY", min_size=1, max_size=12), max_size=15)


def test_golden_hashes() -> None:
    """The first eight bytes of SHA-512, the first the highest: on every machine the same."""
    found = TrainingSequences.of(["MKV", "ACDEFGHIKLMNPQRSTVWY"])
    assert sorted(f"{int(each):016x}" for each in found.digests) == [
        "586800c8c25e39b1",
        "68b97a24a718b3a9",
    ]
    assert found.digests.dtype == np.uint64
    assert found.digests.dtype.isnative


@settings(max_examples=50)
@given(learnt=SEQUENCES, asked=SEQUENCES)
def test_they_hold_what_they_were_made_of(learnt: list[str], asked: list[str]) -> None:
    found = TrainingSequences.of(learnt)
    assert len(found) == len(set(learnt))
    assert (np.diff(found.digests.astype(object)) > 0).all()
    np.testing.assert_array_equal(found.hold(asked), [s in learnt for s in asked])
    assert found.hold(asked).dtype == bool
    np.testing.assert_array_equal(TrainingSequences.of(learnt[::-1]).digests, found.digests)
    np.testing.assert_array_equal(TrainingSequences.of(iter(learnt * 2)).digests, found.digests)


@settings(max_examples=20)
@given(learnt=SEQUENCES)
def test_there_and_back(learnt: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("hashes") / "trained_on.npy"
    one = TrainingSequences.of(learnt)
    one.save(path)
    np.testing.assert_array_equal(TrainingSequences.load(path).digests, one.digests)


def test_one_letter_more_or_less_is_another_sequence() -> None:
    found = TrainingSequences.of(["MKVL"])
    assert found.hold(["MKVL", "MKV", "MKVLL", "mkvl", "LVKM", "", "MKV L"]).tolist() == [
        True,
        *[False] * 6,
    ]


def as_npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def as_npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, digests=np.zeros(3, np.uint64))
    return stream.getvalue()


ARRAY = as_npy(np.arange(50, dtype=np.uint64))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        as_npz(),
        ARRAY[:-1],
        ARRAY[:20],
        as_npy(np.arange(3)),
        as_npy(np.arange(3.0)),
        as_npy(np.zeros((2, 2), np.uint64)),
        as_npy(np.array(["MKV"])),
        as_npy(np.array([{"code": 1}], dtype=object)),
        as_npy(np.uint64(7)),
    ],
    ids=range(11),
)
def test_a_file_of_something_else_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "trained_on.npy"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"trained_on\.npy: .*save it again"):
        TrainingSequences.load(path)


def test_a_place_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MultiprotError, match="nowhere"):
        TrainingSequences.of([]).save(tmp_path / "nowhere" / "x.npy")
    with pytest.raises(MultiprotError, match="nowhere"):
        TrainingSequences.load(tmp_path / "nowhere")
    with pytest.raises(MultiprotError, match="is a folder"):
        TrainingSequences.load(tmp_path)


def test_a_bundle_brings_them(tiny_bundle: Path, tmp_path: Path) -> None:
    found = load_bundle(tiny_bundle).trained_on()
    assert found is not None
    assert found.hold([SEEN, "MKV"]).tolist() == [True, False]
    copied = Path(shutil.copytree(tiny_bundle, tmp_path / "copied"))
    path = copied / layout.TRAINED_ON
    other = io.BytesIO()
    np.save(other, TrainingSequences.of(["MKV"]).digests)
    path.write_bytes(other.getvalue())
    with pytest.raises(BundleError, match=r"trained_on\.npy: altered"):
        load_bundle(copied).trained_on()
    listed = json.loads((tiny_bundle / layout.BUNDLE.file_name).read_text())["files"]
    assert layout.TRAINED_ON in str(listed)
