"""A fixed sparse matrix times a learned table, with a gradient that sorts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Bags:
    """Rows of a sparse matrix as weighted sets of columns.

    Attributes
    ----------
    columns
        int64 [entry].
    starts
        int64 [row]: first entry of each row.
    weights
        float32 [entry].
    """

    columns: Tensor
    starts: Tensor
    weights: Tensor

    @classmethod
    def of(cls, matrix: csr_array, device: torch.device) -> Self:
        """The rows of `matrix`."""
        return cls(
            columns=_tensor(matrix.indices, np.int64, device),
            starts=_tensor(matrix.indptr[:-1], np.int64, device),
            weights=_tensor(matrix.data, np.float32, device),
        )

    def times(self, table: Tensor) -> Tensor:
        """Product [row, channel] with `table` [column, channel]."""
        weights = self.weights.to(table.dtype)
        return F.embedding_bag(
            self.columns, table, self.starts, mode="sum", per_sample_weights=weights
        )


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """A fixed sparse matrix and its transpose.

    torch's own gradient of `embedding_bag` sorts all entries at every step. The matrix being fixed,
    its transpose is laid out once, and the gradient is one more `embedding_bag`.

    Attributes
    ----------
    rows, columns
        The matrix by its rows, and by its columns.
    """

    rows: Bags
    columns: Bags

    @classmethod
    def of(cls, matrix: csr_array, device: torch.device) -> Self:
        """Of a scipy matrix [row, column]."""
        return cls(Bags.of(matrix, device), Bags.of(matrix.T.tocsr(), device))

    def times(self, table: Tensor) -> Tensor:
        """Product [row, channel] with `table` [column, channel], differentiable in `table`."""
        product: Tensor = _Product.apply(table, self)  # type: ignore[no-untyped-call]
        return product


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, matrix: SparseRows) -> Tensor:
        ctx.matrix = matrix
        return matrix.rows.times(table)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.matrix.columns.times(gradient.contiguous()), None


def _tensor(array: NDArray[Any], dtype: Any, device: torch.device) -> Tensor:
    # A copy: the ontology's arrays are read-only, which torch cannot express.
    return torch.from_numpy(np.array(array, dtype)).to(device)
