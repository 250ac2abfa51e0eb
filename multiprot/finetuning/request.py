"""What a fine-tuning run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from multiprot.errors import ConfigError
from multiprot.evaluation.structures import StructureLibrary, StructureOptions
from multiprot.evaluation.tasks import Task, load_task
from multiprot.finetuning.encoder_alone import StructureChoice
from multiprot.finetuning.wild_type import with_wild_type
from multiprot.training.finetune.options import FineTuneOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuneRun:
    """What is to be fine-tuned, on what, and where it goes.

    Attributes
    ----------
    model
        Folder of a bundle, or a sequence encoder alone: "esm2:/path/to/checkpoint".
    task
        Task folder.
    out
        The run's folder.
    options
        How.
    split_column
        As in `load_task`.
    device
        "cpu", "cuda" or "mps".
    encoder_options
        Further options of an encoder alone, `KEY=VALUE`.
    structure_encoder
        Structure encoder to put beside a sequence encoder alone, "NAME" or "NAME:CHECKPOINT".
    structure_options
        Further options of that one, `KEY=VALUE`.
    structures
        Where the proteins' structures are, if anywhere.
    allow_other_versions
        As in `load_bundle`.
    shared
        Folder for the vectors, and the model made before training, of several runs; None: `out`.
    """

    model: str
    task: Path
    out: Path
    options: FineTuneOptions
    split_column: str = "split"
    device: str = "cpu"
    encoder_options: tuple[str, ...] = ()
    structure_encoder: str | None = None
    structure_options: tuple[str, ...] = ()
    structures: StructureOptions = field(default_factory=StructureOptions)
    allow_other_versions: bool = False
    shared: Path | None = None

    @property
    def kept(self) -> Path:
        """Folder for what other runs of the same model and options could use."""
        return Path(self.out) if self.shared is None else self.shared

    @property
    def beside(self) -> StructureChoice | None:
        """The structure encoder that is put beside a sequence encoder.

        Raises
        ------
        ConfigError
            If there are options of none.
        """
        if self.structure_encoder is not None:
            return StructureChoice(self.structure_encoder, self.structure_options)
        if self.structure_options:
            raise ConfigError(
                f"{self.structure_options[0]}: an option of a structure encoder, and none is put "
                "beside the sequence encoder; name it with --structure-encoder"
            )
        return None


def task_of(run: FineTuneRun) -> Task:
    """The task that a run is on, with its wild type where there is one."""
    task = load_task(run.task, split_column=run.split_column)
    return with_wild_type(task, run.options.wild_type)


def structures_of(run: FineTuneRun, task: Task) -> StructureLibrary | None:
    """Structures of the task's proteins, looked for; None where the run names no folder.

    Raises
    ------
    FileFormatError, DataError, EvaluationError
        As `StructureLibrary`.
    """
    library = StructureLibrary.of(run.structures)
    if library is not None:
        library.match(task.unique_sequences())
    return library
