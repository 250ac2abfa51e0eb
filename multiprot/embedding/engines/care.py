"""How a shard is tried again after it ended a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Care:
    """What earlier attempts at a shard taught.

    Attributes
    ----------
    alone
        Ids of records that get batches of their own: one of them ended a worker.
    given_up
        Records, by id, that ended a worker alone, and how.
    """

    alone: frozenset[str] = frozenset()
    given_up: Mapping[str, str] = field(default_factory=dict)

    def after(self, batch: Sequence[str], how: str) -> Care:
        """The care to take after a worker ended over a batch.

        Parameters
        ----------
        batch
            Ids of its records.
        how
            What became of the worker: "died of SIGKILL".
        """
        if len(batch) == 1 and batch[0] in self.alone:
            reason = (
                f"protein {batch[0]}: the worker that embedded it alone {how}; leave it out, or "
                "give the run more memory"
            )
            return Care(self.alone, {**self.given_up, batch[0]: reason})
        return Care(self.alone | set(batch), self.given_up)
