"""From a recipe to the things that are trained and what they are trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from multiprot.data import Corpus, GoLabels, residue_frequencies
from multiprot.data.go_sets import GoSets
from multiprot.data.span_labels import SpanLabels
from multiprot.data.targets import BatchTargets
from multiprot.data.token_cache.reader import TokenReader
from multiprot.encoders.contract import ObjectiveContext
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError, DataError
from multiprot.fusion import FusionModel, build_model
from multiprot.objectives import TotalObjective, build_objectives
from multiprot.training.bilevel_checks import refuse_impossible_inner_steps
from multiprot.training.config import PretrainConfig
from multiprot.training.precision import refuse_unclaimed_precision
from multiprot.training.seeding import seed_at
from multiprot.training.teachers.opening import OpenTeacher, facts_of, open_teachers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingParts:
    """What a run is made of.

    Attributes
    ----------
    corpus
        Proteins.
    targets
        Their GO terms, spans, geometry and 3Di states, as far as model and objectives ask for
        them.
    model, objectives
        Freshly initialised, on the CPU.
    context
        What the objectives were built with.
    cached
        Readers of tokens that frozen encoders gave earlier, by modality; those encoders do not
        run.
    teachers
        Whom the model learns from, by name.
    """

    corpus: Corpus
    targets: BatchTargets
    model: FusionModel
    objectives: TotalObjective
    context: ObjectiveContext
    cached: Mapping[str, TokenReader] = field(default_factory=dict)
    teachers: Mapping[str, OpenTeacher] = field(default_factory=dict)

    @property
    def labels(self) -> GoLabels | None:
        """GO terms to be predicted, or None where the model has no GO encoder."""
        return self.targets.labels


def build_parts(config: PretrainConfig, corpus: Corpus, registry: Registry) -> TrainingParts:
    """Build model and objectives; the recipe's seed decides their first weights.

    Raises
    ------
    DataError
        If the corpus lacks what the recipe needs.
    ConfigError, PluginError
        If an encoder or objective cannot be built, or not in the recipe's precision; or there are
        teachers, and no objective learns from them.
    """
    refuse_unclaimed_precision(config, registry)
    _refuse_empty_splits(corpus)
    ontology = None if config.model.go is None else corpus.ontology
    labels = go_sets = None
    if ontology is not None:
        labels = GoLabels.from_corpus(
            corpus, min_proteins=config.batch.go_min_proteins, ontology=ontology
        )
        if config.model.fusion.go_exchange is not None:
            go_sets = GoSets.from_corpus(corpus, ontology)
    spans = SpanLabels.from_corpus(corpus)
    teachers = open_teachers(config, corpus)
    known = BatchTargets(labels=labels, go_sets=go_sets, spans=spans)
    context = _context(config, corpus, known, teachers)
    torch.manual_seed(seed_at(config.seed, "weights"))
    model = build_model(config.model, registry, ontology)
    objectives = build_objectives(config.objectives, registry, context)
    if config.bilevel is not None:
        refuse_impossible_inner_steps(model, objectives, config.bilevel)
    asked = {need for each in objectives.members() for need in each.needs}
    if teachers and "teachers" not in asked:
        raise ConfigError(
            f"teachers {', '.join(teachers)}: no objective learns from them; add one that does, "
            "such as distill-huber, or leave them out with teachers={}"
        )
    return TrainingParts(
        corpus=corpus,
        targets=BatchTargets(
            labels=labels,
            go_sets=go_sets,
            spans=spans if "spans" in asked else None,
            geometry="geometry" in asked,
            fold_states="fold-states" in asked,
            teachers={name: each.teacher for name, each in teachers.items()},
        ),
        model=model,
        objectives=objectives,
        context=context,
        teachers=teachers,
    )


def _context(
    config: PretrainConfig,
    corpus: Corpus,
    known: BatchTargets,
    teachers: Mapping[str, OpenTeacher],
) -> ObjectiveContext:
    """What objectives are built with."""
    fusion, labels, sets = config.model.fusion, known.labels, known.go_sets
    return ObjectiveContext(
        width=fusion.width,
        shared_dim=fusion.shared_dim,
        ontology=None if labels is None else corpus.ontology,
        term_frequencies=None if labels is None else torch.from_numpy(labels.frequencies),
        residue_frequencies=torch.from_numpy(residue_frequencies(corpus)),
        go_width=None if fusion.go_exchange is None else fusion.go_exchange.width,
        go_set_counts=None if sets is None else torch.from_numpy(sets.counts),
        spans=None if known.spans is None else known.spans.vocabulary,
        teachers={
            name: facts_of(
                teacher,
                config.teachers[name],
                corpus,
                min_proteins=config.batch.go_min_proteins,
            )
            for name, teacher in teachers.items()
        },
    )


def _refuse_empty_splits(corpus: Corpus) -> None:
    for split in ("train", "valid"):
        if not len(corpus.rows(split)):
            raise DataError(
                f"{corpus.path}: no protein in split {split!r}; build the corpus with a split file "
                "that has train and valid proteins"
            )
