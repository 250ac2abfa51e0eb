"""What a check of a task folder found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How bad it is: the task cannot be used, its scores mislead, or it is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    severity
        How bad it is.
    kind
        A word for programs: "unreadable", "metric", "few-entries", "no-valid",
        "constant-target", "class-balance", "unseen-class", "contradicting-labels",
        "identical-sequences", "similar-sequences", "not-checked".
    message
        A sentence with the values.
    """

    severity: Severity
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Findings about one task folder.

    Attributes
    ----------
    folder
        Where it lies.
    summary
        Name, task type, primary metric, entries by split; empty where it cannot be read.
    findings
        Worst first.
    """

    folder: Path
    summary: dict[str, object]
    findings: tuple[Finding, ...]

    def passes(self, *, strict: bool) -> bool:
        """No error, and with `strict` no warning either."""
        refused = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
        return not any(finding.severity in refused for finding in self.findings)
