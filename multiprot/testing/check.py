"""Runs a suite without pytest: what `multiprot plugins check` prints."""

from __future__ import annotations

import inspect
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final
from unittest import SkipTest

from multiprot.config import Section
from multiprot.encoders.plugin import EncoderPlugin, Modality, ObjectivePlugin
from multiprot.testing.go_suite import GoEncoderSuite
from multiprot.testing.objective_suite import ObjectiveSuite
from multiprot.testing.sequence_suite import SequenceEncoderSuite
from multiprot.testing.standard import PluginSuite
from multiprot.testing.structure_suite import StructureEncoderSuite

SUITES: Final[dict[Modality, type[PluginSuite]]] = {
    Modality.SEQUENCE: SequenceEncoderSuite,
    Modality.STRUCTURE: StructureEncoderSuite,
    Modality.GO: GoEncoderSuite,
}
"""Suite of each kind of encoder."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One standard test.

    Attributes
    ----------
    test
        Its name in the suite.
    claim
        What must hold.
    problem
        What does not, and how to mend it; None if it holds or was not tried.
    skipped
        Why it was not tried here; None if it was.
    seconds
        How long it took.
    """

    test: str
    claim: str
    problem: str | None
    skipped: str | None
    seconds: float


def check_plugin(
    plugin: EncoderPlugin[Any] | ObjectivePlugin[Any],
    config: Section,
    *,
    only: Collection[str] | None = None,
) -> Iterator[CheckResult]:
    """Try a plugin on the suite of its kind, test by test.

    Parameters
    ----------
    plugin
        Encoder or objective.
    config
        Its options, small enough to be built and run many times.
    only
        Names of tests; None: all.

    Yields
    ------
    CheckResult
        In the order of the suite, as soon as each test has run.
    """
    suite = suite_of(plugin, config)
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if name.startswith("test_") and (only is None or name in only):
            started = time.perf_counter()
            problem, skipped = _outcome(test)
            claim = (inspect.getdoc(test) or name).splitlines()[0]
            yield CheckResult(name, claim, problem, skipped, time.perf_counter() - started)


def suite_of(plugin: EncoderPlugin[Any] | ObjectivePlugin[Any], config: Section) -> PluginSuite:
    """The suite of a plugin's kind, made for it with these options."""
    kind: type[PluginSuite] = ObjectiveSuite
    if isinstance(plugin, EncoderPlugin):
        kind = SUITES[plugin.modality]
    parts = {"plugin": plugin, "tiny_config": lambda _: config, "__module__": __name__}
    made: PluginSuite = type("Check", (kind,), parts)()
    return made


def _outcome(test: Any) -> tuple[str | None, str | None]:
    """The problem, or why the test was skipped."""
    try:
        test()
    except SkipTest as reason:
        return None, str(reason)
    except AssertionError as error:
        return str(error), None
    except Exception as error:  # a guest may fail in any way; the others are still tried
        place = _last_frame(error)
        return f"{type(error).__name__}: {error} ({place})\n  To mend it: see the line named", None
    return None, None


def _last_frame(error: Exception) -> str:
    """File and line where the guest's code raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
