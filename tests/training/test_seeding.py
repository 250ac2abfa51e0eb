"""Seeds depend on the whole place and on nothing else."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from multiprot.training.seeding import seed_at

places = st.lists(st.one_of(st.integers(), st.text(max_size=5)), min_size=1, max_size=4)


@given(places, places)
def test_other_places_have_other_seeds(one: list[int | str], other: list[int | str]) -> None:
    assert (seed_at(*one) == seed_at(*other)) == (one == other)


@given(places)
def test_seed_fits_a_torch_generator(place: list[int | str]) -> None:
    assert 0 <= seed_at(*place) < 2**63


def test_number_and_its_text_differ() -> None:
    assert seed_at(1) != seed_at("1")


def test_seed_is_the_same_in_another_process() -> None:
    code = "from multiprot.training.seeding import seed_at; print(seed_at(7, 'dropout', 3))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(told.stdout) == seed_at(7, "dropout", 3)
