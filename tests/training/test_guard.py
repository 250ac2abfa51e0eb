"""A number that is none is named with its objective and its proteins."""

from __future__ import annotations

import pytest
import torch

from multiprot.errors import TrainingError
from multiprot.training.guard import SeenBatch, refuse_non_finite


def seen(loss: float, *ids: str) -> SeenBatch:
    return SeenBatch(ids, {"fine": torch.tensor(1.0), "masked-residue": torch.tensor(loss)})


def test_finite_gradients_pass() -> None:
    refuse_non_finite(torch.tensor(1e30), [seen(1.0, "a")], 0)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_bad_loss_is_named_with_its_own_batch(loss: float) -> None:
    batches = [seen(1.0, "good1", "good2"), seen(loss, "bad1", "bad2")]
    with pytest.raises(
        TrainingError, match=r"step 4: loss of masked-residue.*bad1, bad2"
    ) as raised:
        refuse_non_finite(torch.tensor(float("nan")), batches, 3)
    assert "good1" not in str(raised.value)
    assert "fine" not in str(raised.value)


def test_bad_gradient_of_fine_losses_names_all_proteins() -> None:
    with pytest.raises(TrainingError, match=r"gradient norm is inf.*a, b"):
        refuse_non_finite(torch.tensor(float("inf")), [seen(1.0, "a"), seen(2.0, "b")], 0)


def test_long_lists_of_proteins_are_cut_and_counted() -> None:
    many = seen(float("nan"), *(f"p{number}" for number in range(30)))
    with pytest.raises(TrainingError, match=r"p7 and 22 more") as raised:
        refuse_non_finite(torch.tensor(float("nan")), [many], 0)
    assert "p8" not in str(raised.value)
