"""3Di states by their first names; `multiprot.proteins` computes them. No torch."""

from __future__ import annotations

from multiprot.proteins import FOLD_STATE_LETTERS as STATE_LETTERS
from multiprot.proteins import UNDEFINED_STATE as UNDEFINED
from multiprot.proteins import UNRESOLVED_STATE as UNRESOLVED
from multiprot.proteins import fold_state_letters as fold_states
from multiprot.proteins import fold_state_numbers as state_numbers

__all__ = ["STATE_LETTERS", "UNDEFINED", "UNRESOLVED", "fold_states", "state_numbers"]
