"""Groups of proteins that have the same streams."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.encoders.contract import ResidueTokens
from multiprot.errors import DataError
from multiprot.fusion.grouping import Streams, alike, some_has_all

patterns = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=8)


def _streams(pattern: list[tuple[bool, bool]]) -> Streams:
    rows = torch.tensor(pattern)
    values = torch.arange(len(pattern)).float()[:, None, None].expand(-1, 3, 1)
    masks = rows[:, None, :].expand(-1, 3, -1)
    return {
        "sequence": ResidueTokens(values, masks[..., 0]),
        "structure": ResidueTokens(values, masks[..., 1]),
    }


@given(patterns)
def test_every_protein_is_in_one_group_with_its_own_tokens(
    pattern: list[tuple[bool, bool]],
) -> None:
    seen: list[int] = []
    for rows, streams in alike(_streams(pattern)):
        seen += rows.tolist()
        for place, row in enumerate(rows.tolist()):
            for name, has in zip(("sequence", "structure"), pattern[row], strict=True):
                tokens = streams[name]
                assert (tokens is not None) or not has
                if tokens is not None:
                    assert tokens.values[place, 0, 0] == row
                    assert bool(tokens.mask[place].any()) == has
        assert any(tokens is not None for tokens in streams.values())
    assert sorted(seen) == list(range(len(pattern)))


@given(patterns)
def test_some_has_all(pattern: list[tuple[bool, bool]]) -> None:
    assert some_has_all(_streams(pattern)) == ((True, True) in pattern)


def test_a_stream_that_nobody_has_is_none_in_every_group() -> None:
    streams = _streams([(True, True), (False, True)]) | {"structure": None}
    assert not some_has_all(streams)
    assert all(group["structure"] is None for _, group in alike(streams))


def test_no_stream_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="sequence or structure"):
        list(alike({"sequence": None, "structure": None}))
