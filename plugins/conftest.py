"""What the tests of all first-party plugins share."""

from __future__ import annotations

from hypothesis import settings

# As in tests/conftest.py: a test is right or wrong, not late.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
