"""The calibrated GO readout of a run that was trained with go-annotation."""

from __future__ import annotations

import torch

from multiprot.bundle import TermReadout
from multiprot.objectives.go_annotation import GoAnnotation
from multiprot.training.parts import TrainingParts
from multiprot.training.retrieval import Scores


def readout_of(parts: TrainingParts) -> TermReadout | None:
    """Scale and bias per learnt term, or None where no objective learns probabilities."""
    ontology, labels = parts.context.ontology, parts.labels
    if ontology is None or labels is None:
        return None
    for objective in parts.objectives.objectives.values():
        if isinstance(objective, GoAnnotation):
            break
    else:
        return None
    terms = torch.from_numpy(labels.terms)
    # Log-odds are linear in the cosine: two cosines, 0 and 1, give offset and slope.
    ones, zeros = torch.ones(1, 1), torch.zeros(1, 1)
    column = torch.ones(len(terms), 1)
    with torch.no_grad():
        bias = objective.cpu().scores(zeros, column, terms)[0]
        scale = objective.scores(ones, column, terms)[0] - bias
    frequencies = torch.from_numpy(labels.frequencies)[terms]
    return TermReadout(
        term_ids=tuple(ontology.term_ids[row] for row in labels.terms),
        log_prior=frequencies.log(),
        scale=scale,
        bias=bias,
    )


def scores_of(parts: TrainingParts) -> Scores | None:
    """How the run's first objective over GO terms scores them, or None if there is none."""
    for objective in parts.objectives.objectives.values():
        scores: Scores | None = getattr(objective, "scores", None)
        if scores is not None:
            return scores
    return None
