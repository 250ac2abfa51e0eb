"""Five bits a residue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.data.sequences import five_bits
from multiprot.data.sequences.five_bits import packed, unpacked


@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(0, 400), block=st.sampled_from([8, 24, 96])
)
def test_what_was_packed_comes_back(seed: int, count: int, block: int) -> None:
    residues = np.random.default_rng(seed).integers(0, 32, count).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(five_bits, "_BLOCK", block)
        content = packed(residues)
        assert content.nbytes == -(-count * 5 // 8)
        np.testing.assert_array_equal(unpacked(content, count), residues)


def test_the_first_bits_are_those_of_the_first_residue() -> None:
    # 00001 11111 00000 1(0000000)
    content = packed(np.array([1, 31, 0, 16], dtype=np.uint8))
    assert "".join(f"{byte:08b}" for byte in content) == "000011111100000" + "10000" + "0000"
