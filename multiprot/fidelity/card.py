"""What a fidelity card says: the shape of fidelity.json."""

from __future__ import annotations

import math
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Final = "multiprot-fidelity"
FORMAT_VERSION: Final = 1


class CardPart(BaseModel):
    """A part of a card; what a later version adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Measured(CardPart):
    """A number with the ends of its bootstrap interval, None where they are unknown."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, value: float, low: float, high: float) -> Self:
        """From numbers of which some may be NaN."""
        told = [None if math.isnan(each) else float(each) for each in (value, low, high)]
        return cls(value=told[0], low=told[1], high=told[2])


class MappedAgreement(CardPart):
    """Cosines after a linear map that was fitted on other proteins.

    Attributes
    ----------
    rows, proteins
        Vectors that were compared, and the proteins they are of.
    plain
        Mean cosine.
    centred
        Mean cosine after the teacher's mean vector was taken away; 0 is no agreement.
    mean_alone
        Mean cosine of the teacher's vectors and their mean: what `plain` is without a student.
    histogram
        How many rows have a centred cosine in each of equal bins from -1 to 1.
    """

    rows: int
    proteins: int
    plain: Measured
    centred: Measured
    mean_alone: float
    histogram: tuple[int, ...]


class Overlap(CardPart):
    """Share of the k nearest proteins that both models have in common, and that of chance."""

    k: int
    share: Measured
    chance: float


class Agreement(CardPart):
    """A student's vectors beside a teacher's.

    Attributes
    ----------
    proteins
        With a vector of both.
    kernel_alignment
        Debiased linear CKA of protein vectors.
    protein_cosine, residue_cosine
        After the best linear map from student to teacher.
    overlaps
        For several k.
    neighbours
        The k that was asked for.
    rank_correlation
        Spearman's, of the cosines of pairs of proteins; None: undefined.
    """

    proteins: int
    kernel_alignment: float
    protein_cosine: MappedAgreement
    residue_cosine: MappedAgreement
    overlaps: tuple[Overlap, ...]
    neighbours: int
    rank_correlation: float | None

    @property
    def overlap(self) -> Overlap:
        """Of the k that was asked for."""
        return next(each for each in self.overlaps if each.k == self.neighbours)


class TaskLine(CardPart):
    """One task by one probe on one test split.

    Attributes
    ----------
    student, teacher, random
        Values of the primary metric, means over seeds; random is untrained weights.
    difference
        Student less teacher, of the same draws of test entries; positive where the student is
        better, whether or not greater is better.
    gain
        Teacher less random weights, likewise.
    retained
        (student - random) / (teacher - random); None where the teacher gains nothing clear.
    within
        The student's score is within the tolerance of the teacher's.
    counted
        Its retained share is part of the mean.
    why
        Why it is or is not, in words.
    exposure
        What the student's and the teacher's training may have seen of the test proteins.
    """

    task: str
    probe: str
    split: str
    metric: str
    greater_is_better: bool
    entries: int
    seeds: int
    student: Measured
    teacher: Measured
    random: Measured
    difference: Measured
    gain: Measured
    retained: Measured | None
    within: bool | None
    counted: bool
    why: str
    exposure: dict[str, str]


class Retained(CardPart):
    """What is left of a teacher's gain over random weights, over the tasks that count.

    Attributes
    ----------
    share
        Mean over tasks; None where no task counts.
    tasks
        Those that count, each with its own mean over splits and probes.
    within, lines
        How many lines are within the tolerance of the teacher's score, of how many with a score.
    why
        Why there is no share; "" where there is one.
    """

    share: Measured | None
    tasks: dict[str, float]
    within: int
    lines: int
    why: str = ""


class Speed(CardPart):
    """How fast a model embeds, from file to store, and what memory its process took.

    Attributes
    ----------
    seconds
        Of each round.
    residues_per_second, proteins_per_second
        By the median round.
    peak_mib, idle_mib
        Largest resident memory of the process, and what it took before the model was loaded.
    device_peak_mib
        Largest memory on the accelerator; None on a CPU.
    """

    seconds: tuple[float, ...]
    residues_per_second: float
    proteins_per_second: float
    peak_mib: float | None
    idle_mib: float | None
    device_peak_mib: float | None = None


class ModelFacts(CardPart):
    """Which model it is.

    Attributes
    ----------
    name, reference
        As tables show it, and as it was asked for.
    kind
        "bundle" or "encoder".
    content_hash
        SHA-256, in hex, of all that decides its vectors.
    parameters
        Numbers in its weights.
    width
        Channels of a vector.
    reads
        Modalities that it may use here.
    used
        What its vectors were made of, and how many of each.
    pooling
        How a vector comes from residues.
    licences
        Of its weights and of their parts; "not stated" where nobody wrote one down.
    corpus
        What the model records of its training corpus; None: nothing.
    speed
        As measured.
    warnings
        Of the model.
    """

    name: str
    reference: str
    kind: str
    content_hash: str
    parameters: int
    width: int
    reads: tuple[str, ...]
    used: dict[str, int]
    pooling: str
    licences: dict[str, str]
    corpus: Any
    warnings: tuple[str, ...]
    speed: Speed


class TeacherFidelity(CardPart):
    """A student beside one teacher.

    Attributes
    ----------
    times_faster, parameter_share, memory_share
        Of the student: speed over that of the teacher (median over rounds), parameters and peak
        memory as a share of the teacher's; None: not known.
    """

    model: ModelFacts
    agreement: Agreement
    lines: tuple[TaskLine, ...]
    retained: Retained
    times_faster: float
    parameter_share: float | None
    memory_share: float | None


class ProteinFacts(CardPart):
    """What vectors were compared on.

    Attributes
    ----------
    inputs
        As given.
    content_hash
        SHA-256, in hex, of ids, sequences and structures.
    """

    inputs: tuple[str, ...]
    content_hash: str
    given: int
    compared: int
    residues: int
    structures: int
    repeated: int
    unread: int
    surplus: int
    timed: int
    timed_residues: int


class FidelityCard(CardPart):
    """All of fidelity.json.

    Attributes
    ----------
    random
        What random weights were.
    retained
        The least share over all teachers; None where a teacher has none.
    passed
        Whether it reaches `options.min_retained`; None where no bar was set.
    """

    format: Literal["multiprot-fidelity"] = FORMAT
    format_version: int = FORMAT_VERSION
    command: str
    date: str
    machine: dict[str, Any]
    versions: dict[str, str]
    options: dict[str, Any]
    scoring: dict[str, Any]
    proteins: ProteinFacts
    student: ModelFacts
    random: dict[str, Any]
    teachers: tuple[TeacherFidelity, ...] = Field(min_length=1)
    retained: float | None
    min_retained: float | None
    passed: bool | None
    notes: tuple[str, ...] = ()
