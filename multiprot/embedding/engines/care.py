"""How a shard is tried again after it ended a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Care:
    """What earlier attempts at a shard taught.

    Attributes
    ----------
    alone
        Ids of records that get batches of their own: one of them ended a worker.
    suspected
        Those of them that ended a worker alone. One such end may have come from outside (the
        machine was taken away, another process took its memory); a second one is no accident.
    given_up
        Records, by id, that ended two workers alone, and how.
    """

    alone: frozenset[str] = frozenset()
    suspected: frozenset[str] = frozenset()
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
        if len(batch) != 1 or batch[0] not in self.alone:
            return replace(self, alone=self.alone | set(batch))
        if batch[0] not in self.suspected:
            return replace(self, suspected=self.suspected | set(batch))
        reason = (
            f"protein {batch[0]}: the worker that embedded it alone {how}, twice; leave it out, "
            "or give the run more memory"
        )
        return replace(self, given_up={**self.given_up, batch[0]: reason})
