"""All variants in turn over the same proteins, round after round."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.embedding_speed.remote import MemoryWatch, NotRunError, Remote, python_for
from benchmarks.embedding_speed.sample import Sample
from benchmarks.embedding_speed.variants import VARIANTS

_SMALLEST_PART: Final = 25
"""Proteins on which variants choose their settings, or a fourth of all if that is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all variants have in common.

    Attributes
    ----------
    checkpoint
        Folder of weights.
    sample
        Proteins.
    device
        "cpu" or "cuda".
    threads
        Of each variant's kernels.
    rounds
        How often each runs, after one run that warms up.
    pythons
        Interpreters of rivals that need their own.
    scratch
        Folder for what they write.
    """

    checkpoint: Path
    sample: Sample
    device: str
    threads: int
    rounds: int
    pythons: Mapping[str, str | None]
    scratch: Path


@dataclass(slots=True)
class Results:
    """What came out, by variant.

    Attributes
    ----------
    facts
        Loading, settings, tokens, memory.
    runs
        Of each round: wall, processor time, peak memory.
    vectors
        [protein, channel], in the order of names.
    not_run
        Why a variant is missing.
    ceilings
        Floating-point operations per second, by precision, the best of all rounds.
    profiles
        Where the time goes, for multiprot's own.
    """

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    ceilings: dict[str, float] = field(default_factory=dict)
    profiles: dict[str, Any] = field(default_factory=dict)


class Contest:
    """One shape's variants, each loaded in a process of its own that waits while others run."""

    def __init__(self, setting: Setting, names: Sequence[str]) -> None:
        self._setting = setting
        self._names = tuple(names)
        self._fasta = setting.sample.write(setting.scratch / "sample.fasta")
        proteins = setting.sample.proteins
        part = Sample("part", proteins[: max(_SMALLEST_PART, len(proteins) // 4)])
        self._part = part.write(setting.scratch / "part.fasta")
        self._workers: dict[str, Remote] = {}
        self.results = Results()

    def hold(self) -> Results:
        """Warm everybody up, measure the ceiling, then run in turns.

        A variant that fails leaves; the others go on.
        """
        with ExitStack() as stack:
            for name in self._names:
                self._attempt(name, lambda name=name: self._enter(name, stack))
            for name in list(self._workers):
                self._attempt(name, lambda name=name: self._warm(name))
            for turn in range(self._setting.rounds):
                names = list(self._workers)
                if not names:
                    break
                self._measure_ceilings()
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    self._attempt(name, lambda name=name: self._time(name))
            for name in list(self._workers):
                if VARIANTS[name].family == "multiprot":
                    self._attempt(name, lambda name=name: self._profile(name))
        return self.results

    def _attempt(self, name: str, act: Any) -> None:
        try:
            act()
        except NotRunError as error:
            self._workers.pop(name, None)
            self.results.runs.pop(name, None)
            self.results.not_run[name] = str(error)
            print(f"{name}: not run: {error}", file=sys.stderr)

    def _enter(self, name: str, stack: ExitStack) -> None:
        setting = self._setting
        python = python_for(VARIANTS[name].python, dict(setting.pythons))
        log = setting.scratch / f"worker{self._names.index(name)}.log"
        worker = stack.enter_context(Remote(name, python, log, setting.threads))
        loaded = worker(
            "load",
            checkpoint=str(setting.checkpoint),
            device=setting.device,
            threads=setting.threads,
        )
        self._workers[name] = worker
        self.results.facts[name] = loaded

    def _warm(self, name: str) -> None:
        worker, facts = self._workers[name], self.results.facts[name]
        tuning = self._setting.scratch / "tuning"
        tuning.mkdir()
        facts |= worker("tune", fasta=str(self._part), scratch=str(tuning))
        shutil.rmtree(tuning)
        out = self._fresh(name)
        with MemoryWatch(worker.pid) as watch:
            facts |= worker("count", fasta=str(self._fasta), out=str(out))
        facts["peak_mib"] = watch.peak_mib
        into = self._setting.scratch / "vectors.npz"
        worker("read", out=str(out), into=str(into))
        shutil.rmtree(out)
        self.results.vectors[name] = self._checked(into)
        self.results.runs[name] = []

    def _checked(self, written: Path) -> Any:
        with np.load(written) as found:
            names, vectors = found["names"].tolist(), found["vectors"]
        expected = sorted(name for name, _ in self._setting.sample.proteins)
        if names != expected:
            raise NotRunError(f"{len(names)} proteins came out, not the {len(expected)} put in")
        return vectors

    def _time(self, name: str) -> None:
        out = self._fresh(name)
        self.results.runs[name].append(
            self._workers[name]("run", fasta=str(self._fasta), out=str(out))
        )
        shutil.rmtree(out)

    def _profile(self, name: str) -> None:
        out = self._fresh(name)
        told = self._workers[name]("profile", fasta=str(self._fasta), out=str(out))
        self.results.profiles[name] = told
        shutil.rmtree(out)

    def _measure_ceilings(self) -> None:
        worker = next(iter(self._workers.values()))
        for precision in ("fp32", "bf16"):
            found = worker("ceiling", precision=precision)["flops"]
            best = self.results.ceilings.get(precision, 0.0)
            self.results.ceilings[precision] = max(best, found)

    def _fresh(self, name: str) -> Path:
        return self._setting.scratch / f"out{self._names.index(name)}"
