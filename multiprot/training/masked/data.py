"""Loaders of a student's pretraining."""

from __future__ import annotations

from lightning.pytorch import LightningDataModule, Trainer
from torch.utils.data import DataLoader

from multiprot.data.sequences import PackedPlan, SequenceShards
from multiprot.errors import TrainingError
from multiprot.training.datamodule import FOREVER, step_loader
from multiprot.training.masked.batches import MaskedBatch, MaskedDataset
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.seeding import seed_at


class MaskedData(LightningDataModule):  # type: ignore[misc]  # lightning is untyped here
    """Loaders of the train and the valid split.

    Parameters
    ----------
    shards
        The sequences.
    config
        The recipe.
    """

    def __init__(self, shards: SequenceShards, config: MaskedConfig) -> None:
        super().__init__()
        self._shards, self._config = shards, config

    def train_dataloader(self) -> DataLoader[MaskedBatch]:
        """Batches without end, beginning where the (resumed) run stands."""
        trainer = self._trainer
        start = trainer.global_step * trainer.accumulate_grad_batches
        dataset = self.batches("train", trainer.global_rank, trainer.world_size)[0]
        return step_loader(dataset, range(start, FOREVER), self._config.batch.workers)

    def val_dataloader(self) -> DataLoader[MaskedBatch]:
        """The valid split once, always in the same batches."""
        trainer = self._trainer
        dataset, count = self.batches("valid", trainer.global_rank, trainer.world_size)
        return step_loader(dataset, range(count), workers=0)

    def check(self, world_size: int) -> None:
        """Raise `DataError` if a split does not fill a batch of each process."""
        for split in ("train", "valid"):
            self.batches(split, world_size=world_size)

    def batches(self, split: str, rank: int = 0, world_size: int = 1) -> tuple[MaskedDataset, int]:
        """Batches of a split by number, and how many make an epoch.

        On the valid split every hidden residue stands behind the mask: a perplexity of residues
        some of which show themselves says little.
        """
        found, config = self._shards.split(split), self._config
        shown = {"substitute_share": 0.0, "keep_share": 0.0} if split == "valid" else {}
        masking = config.masking.model_copy(update=shown)
        plan = PackedPlan(
            found.lengths,
            tokens=config.batch.tokens_per_batch,
            crop=config.batch.crop_residues,
            seed=seed_at(config.seed, split, "batches"),
            rank=rank,
            world_size=world_size,
        )
        place = (config.seed, split, rank)
        return MaskedDataset(found, plan, masking, place), plan.steps_per_epoch

    @property
    def _trainer(self) -> Trainer:
        trainer = self.trainer
        if trainer is None:
            raise TrainingError("a loader outside a run; attach the data to a trainer first")
        return trainer
