"""Tables of students' shapes and exports: what they count, on shapes that take a blink."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import student_export, student_shapes
from multiprot.student.config import PRESETS, StudentConfig
from multiprot.student.model import build_trunk


def test_every_preset_is_among_the_shapes_of_its_size() -> None:
    for name, preset in PRESETS.items():
        assert tuple(preset.values()) in student_shapes.SHAPES[name]


def test_shapes_of_a_size_have_about_as_many_parameters() -> None:
    for name, shapes in student_shapes.SHAPES.items():
        million = float(name.removesuffix("m"))
        for width, layers, hidden in shapes:
            numbers = layers * (4 * width**2 + 3 * width * hidden) / 1e6
            assert numbers == pytest.approx(million, rel=0.15)


def test_a_row_per_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(student_shapes.SHAPES, "2m", ((64, 2, 64), (128, 1, 64)))
    rows = student_shapes.compare("2m", "cpu", residues=100, rounds=1)
    assert [row["width"] for row in rows] == [64, 128]
    assert all(row["residues_per_second"]["bf16"] > 0 for row in rows)
    assert len(student_shapes.table(rows).splitlines()) == 4


def test_packed_batches_keep_the_order_of_proteins(monkeypatch: pytest.MonkeyPatch) -> None:
    trunk = build_trunk(StudentConfig(width=64, layers=1)).eval()
    sequences = ["ACDEFG", "W" * 9, "M", "KLK"]
    whole = student_export.packed(trunk, torch.float32)(sequences)
    monkeypatch.setattr(student_export, "PACKED_RESIDUES", 7)
    np.testing.assert_allclose(
        student_export.packed(trunk, torch.float32)(sequences), whole, rtol=0, atol=1e-5
    )
    assert student_export.cosines(whole, whole) == {"cosine": 1.0, "centred": 1.0}
    assert student_export.cosines(whole[::-1], whole)["centred"] < 0.9
