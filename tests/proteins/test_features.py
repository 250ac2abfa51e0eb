"""Feature spans."""

from __future__ import annotations

import pytest

from multiprot.errors import RecordError
from multiprot.proteins import FeatureSpan


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (4, 2)])
def test_an_empty_or_negative_span_is_refused(start: int, stop: int) -> None:
    with pytest.raises(RecordError, match="0-based and half-open"):
        FeatureSpan(start, stop, "domain", "d")


def test_a_span_outside_the_crop_vanishes() -> None:
    span = FeatureSpan(3, 6, "domain", "d")
    assert span.crop(0, 3) is None
    assert span.crop(6, 9) is None
    assert span.crop(5, 9) == FeatureSpan(0, 1, "domain", "d")
