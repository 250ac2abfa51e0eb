"""The network of proteins that a head with a graph learns in."""

from __future__ import annotations

from multiprot.bundle.protein_network import ProteinNetwork
from multiprot.errors import TrainingError
from multiprot.evaluation.tasks import Task, Unit
from multiprot.finetuning.parts import Parts
from multiprot.training.finetune.options import FineTuneOptions


def interaction_network(task: Task, parts: Parts, options: FineTuneOptions) -> ProteinNetwork:
    """Proteins linked where a pair of the task is of them, whatever its label.

    Parameters
    ----------
    task, parts
        What is learnt, and from which entries.
    options
        Which pairs are links: those of the training part, or all.

    Raises
    ------
    TrainingError
        If the task is not of pairs.
    """
    if task.specification.unit is not Unit.PAIR:
        raise TrainingError(
            f"{task.name}: a graph is for pairs of proteins, and this task is "
            f"{task.specification.task_type.value}; choose --head plain"
        )
    entries = parts.train if options.graph_edges == "train" else parts.all()
    one, other = task.sequences
    return ProteinNetwork.of((one[row], other[row]) for row in entries)
