"""How sure a score is, and whether one model is better than another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.evaluation.statistics.bootstrap import (
        Interval,
        bootstrap_interval,
        interval_of,
    )
    from multiprot.evaluation.statistics.options import BootstrapOptions
    from multiprot.evaluation.statistics.paired import (
        PairedDifference,
        SignFlipTest,
        paired_bootstrap,
        paired_difference,
        sign_flip_test,
    )
    from multiprot.evaluation.statistics.summaries import SeedSummary, holm, over_seeds
    from multiprot.evaluation.statistics.units import Units

_HOMES: Final = {
    "BootstrapOptions": "options",
    "Interval": "bootstrap",
    "PairedDifference": "paired",
    "SeedSummary": "summaries",
    "SignFlipTest": "paired",
    "Units": "units",
    "bootstrap_interval": "bootstrap",
    "holm": "summaries",
    "interval_of": "bootstrap",
    "over_seeds": "summaries",
    "paired_bootstrap": "paired",
    "paired_difference": "paired",
    "sign_flip_test": "paired",
}

__all__ = [
    "BootstrapOptions",
    "Interval",
    "PairedDifference",
    "SeedSummary",
    "SignFlipTest",
    "Units",
    "bootstrap_interval",
    "holm",
    "interval_of",
    "over_seeds",
    "paired_bootstrap",
    "paired_difference",
    "sign_flip_test",
]

__getattr__ = lazy_names(__name__, _HOMES)
