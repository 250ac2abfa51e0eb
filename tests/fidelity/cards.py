"""Cards that tests make up."""

from __future__ import annotations

from typing import Any

from multiprot.fidelity.card import (
    Agreement,
    FidelityCard,
    MappedAgreement,
    Measured,
    ModelFacts,
    Overlap,
    ProteinFacts,
    Retained,
    Speed,
    TaskLine,
    TeacherFidelity,
)
from multiprot.fidelity.options import FidelityOptions, FidelityScoring


def model(name: str, *, content_hash: str = "", speed: float = 1000.0) -> ModelFacts:
    return ModelFacts(
        name=name,
        reference=f"student:{name}",
        kind="encoder",
        content_hash=content_hash or f"hash of {name}",
        parameters=2_000_000,
        width=64,
        reads=("sequence",),
        used={"sequence": 40},
        pooling="mean",
        licences={"model": "not stated"},
        corpus={"content_hash": "c0ffee", "inputs": [{"file": "a.fasta"}, {"folder": "b"}]},
        warnings=(),
        speed=Speed(
            seconds=(1.0, 1.2),
            residues_per_second=speed,
            proteins_per_second=speed / 100,
            peak_mib=500.0,
            idle_mib=250.0,
        ),
    )


def line(task: str, retained: float | None = 0.9, **changes: Any) -> TaskLine:
    near = Measured(value=0.5, low=0.4, high=0.6)
    share = None if retained is None else Measured(value=retained, low=retained - 0.1, high=1.0)
    values: dict[str, Any] = {
        "task": task,
        "probe": "linear",
        "split": "test",
        "metric": "spearman",
        "greater_is_better": True,
        "entries": 100,
        "seeds": 3,
        "student": near,
        "teacher": near,
        "random": near,
        "difference": Measured(value=-0.01, low=-0.02, high=0.01),
        "gain": near,
        "retained": share,
        "within": True,
        "counted": share is not None,
        "why": "counts",
        "exposure": {"student": "clean", "teacher": "seen"},
    }
    return TaskLine(**values | changes)


def teacher(name: str, retained: float | None, *lines: TaskLine) -> TeacherFidelity:
    cosine = MappedAgreement(
        rows=40,
        proteins=40,
        plain=Measured(value=0.95, low=0.9, high=0.99),
        centred=Measured(value=0.8, low=0.7, high=0.9),
        mean_alone=0.7,
        histogram=(0,) * 36 + (10, 10, 10, 10),
    )
    overlaps = tuple(
        Overlap(k=k, share=Measured(value=0.5, low=0.4, high=0.6), chance=k / 39)
        for k in (1, 5, 10)
    )
    share = None if retained is None else Measured(value=retained, low=retained - 0.1, high=1.0)
    return TeacherFidelity(
        model=model(name, speed=400.0),
        agreement=Agreement(
            proteins=40,
            kernel_alignment=0.75,
            protein_cosine=cosine,
            residue_cosine=cosine,
            overlaps=overlaps,
            neighbours=5,
            rank_correlation=None,
        ),
        lines=lines,
        retained=Retained(
            share=share,
            tasks={} if retained is None else {"a": retained},
            within=1,
            lines=2,
            why="no gain to retain" if retained is None else "",
        ),
        times_faster=2.5,
        parameter_share=0.1,
        memory_share=0.5,
    )


def card(*teachers: TeacherFidelity, name: str = "pupil", **changes: Any) -> FidelityCard:
    shares = [each.retained.share for each in teachers]
    known = [share.value for share in shares if share is not None and share.value is not None]
    values: dict[str, Any] = {
        "command": "multiprot fidelity pupil",
        "date": "2026-01-01T00:00:00+00:00",
        "machine": {
            "system": "Linux",
            "processor": "a processor",
            "cores": 2,
            "threads": 1,
            "device": "cpu",
            "python": "3.11",
            "load": 0.5,
        },
        "versions": {"multiprot": "0.1.0"},
        "options": FidelityOptions().model_dump(mode="json"),
        "scoring": FidelityScoring().model_dump(mode="json"),
        "proteins": ProteinFacts(
            inputs=("a.fasta",),
            content_hash="beef",
            given=41,
            compared=40,
            residues=4000,
            structures=0,
            repeated=1,
            unread=0,
            surplus=0,
            timed=20,
            timed_residues=2000,
        ),
        "student": model(name, content_hash="hash of the student"),
        "random": {"name": "random weights", "model": "random weights"},
        "teachers": teachers,
        "retained": min(known) if len(known) == len(teachers) else None,
        "min_retained": None,
        "passed": None,
    }
    return FidelityCard(**values | changes)
