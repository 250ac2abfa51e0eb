"""What is drawn in a resample: rows, or whole proteins with all their rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError


class Units:
    """Rows, or groups of rows that stay together.

    Residues of one protein resemble each other, so that rows drawn one by one would promise more
    than is known.

    Attributes
    ----------
    number
        How many there are to draw from.
    """

    def __init__(self, rows: int, groups: NDArray[np.integer] | None) -> None:
        """Units of `rows` rows.

        Parameters
        ----------
        rows
            How many rows.
        groups
            int [row]: which rows stay together; None: each row by itself.

        Raises
        ------
        EvaluationError
            If there are fewer than two units, or not one group a row.
        """
        if groups is not None and np.shape(groups) != (rows,):
            raise EvaluationError(
                f"groups have the shape {list(np.shape(groups))} for {rows} rows; give one "
                "protein number a row"
            )
        self._unit = (
            np.arange(rows) if groups is None else np.unique(groups, return_inverse=True)[1]
        )
        self.number = int(self._unit.max(initial=-1)) + 1
        if self.number < 2:
            raise EvaluationError(
                f"{self.number} {'row' if groups is None else 'protein'} cannot be resampled; "
                "give at least 2"
            )

    def counts(self, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64 [row]: how often each row counts if the units `drawn` were drawn."""
        return np.bincount(drawn, minlength=self.number)[self._unit].astype(np.float64)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [unit]: sum of the rows' values."""
        sums: NDArray[np.float64] = np.bincount(
            self._unit, weights=values, minlength=self.number
        ).astype(np.float64)
        return sums
