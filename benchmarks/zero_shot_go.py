"""How good `multiprot annotate` is on held-out proteins, and how far its probabilities come true.

    python -m benchmarks.zero_shot_go --corpus CORPUS --bundle BUNDLE --bundle BUNDLE --out FILE

Bundles are seeds of one recipe. A part of the valid split calibrates, the whole test split is
asked, a part of the train split is what neighbours are looked for in; all by sequence alone. Terms
too rare to have been learnt are guessed and ranked beside what their ancestors tell.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.results import save_results
from multiprot.bundle import Bundle, load_bundle
from multiprot.data import Corpus
from multiprot.data.term_tables import propagated_terms
from multiprot.embedding import Embedder, EmbeddingStore, EmbedOptions, embed_to_store
from multiprot.ontology import NAMESPACES, GeneOntology
from multiprot.proteins import write_fasta
from multiprot.search.lookup import Lookup
from multiprot.search.zero_shot import (
    Annotator,
    KnownTerms,
    SharedVectors,
    TermSelection,
    evaluate_annotation,
    fit_term_calibration,
    readout_hash,
)
from multiprot.search.zero_shot.methods import (
    FrequencyScores,
    ModelScores,
    NeighbourScores,
    ScoringMethod,
)

FIGURES: Final = (
    "fmax",
    "smin",
    "aupr",
    "expected_calibration_error_all",
    "expected_calibration_error_written",
)
SEED: Final = 20240717
LEAST_TRUE: Final = 3
"""Held-out proteins that an unseen term must be true of to be ranked."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of the corpus that are used, by split."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


class Seed:
    """One bundle, its vectors, and what is known of the proteins."""

    def __init__(self, path: Path, corpus: Corpus, rows: Split, folder: Path) -> None:
        self.bundle: Bundle = load_bundle(path)
        self._corpus, self._rows, self._folder = corpus, rows, folder
        options = EmbedOptions(space="shared", modalities="sequence")
        self._embedder = Embedder.from_bundle(self.bundle, options=options)

    def proteins(self, split: str) -> SharedVectors:
        """Vectors of a split's proteins."""
        return SharedVectors([str(self.store(split).folder)], self.bundle)

    def store(self, split: str) -> EmbeddingStore:
        """The same as a store, made once."""
        out = self._folder / f"{self.bundle.content_hash[:12]}-{split}"
        if not out.exists():
            fasta = self._folder / f"{split}.fasta"
            write_fasta(self._corpus.read(getattr(self._rows, split)), fasta)
            embed_to_store([str(fasta)], self._embedder, out)
        return EmbeddingStore.open(out)


def known_of(corpus: Corpus, ontology: GeneOntology) -> KnownTerms:
    """The corpus's own annotation."""
    names = {name: row for row, name in enumerate(corpus.ids)}
    true = propagated_terms(corpus, ontology).astype(bool).tocsr()
    return KnownTerms(ontology=ontology, names=names, true=true)


def lookups_of(known: KnownTerms, ids: Sequence[str]) -> list[Lookup]:
    """What the proteins of a store pass on."""
    true, ontology = known.true_of(ids).tocsc(), known.ontology
    informative = np.diff(true.indptr) > 0
    informative[[ontology.row(root) for root in ontology.roots]] = False
    found = []
    for number, space in enumerate(NAMESPACES):
        columns = np.flatnonzero(informative & (ontology.namespace_index == number))
        terms = tuple(ontology.term_ids[column] for column in columns)
        names = tuple(ontology.name(term) for term in terms)
        found.append(Lookup(space.value, terms, names, true[:, columns].tocsr()))
    return found


def annotation(seed: Seed, known: KnownTerms, k: int) -> dict[str, Any]:
    """Figures of the model before and after calibration, and of plain methods."""
    annotator = Annotator.of_bundle(seed.bundle)
    proteins = seed.proteins("valid").parts()
    made = fit_term_calibration(annotator, proteins, known, readout_hash(seed.bundle))
    store = seed.store("train")
    corrected = Annotator.of_bundle(seed.bundle, calibration=made)
    methods: dict[str, ScoringMethod] = {
        "model": ModelScores(annotator, known.ontology),
        "model, calibrated": ModelScores(corrected, known.ontology),
        "label frequency": FrequencyScores(annotator, known.ontology),
        f"neighbours, k={k}": NeighbourScores(
            store, lookups_of(known, store.ids), known.ontology, k=k
        ),
    }
    report = evaluate_annotation(
        methods, seed.proteins("test").parts(), known, annotator.rows, resamples=200
    )
    return report.to_json()["namespaces"]  # type: ignore[no-any-return]


def unseen_terms(seed: Seed, known: KnownTerms) -> dict[str, Any]:
    """How terms that were not learnt rank proteins: mean area under the ROC curve over terms."""
    parts = [part for name in ("valid", "test") for part in seed.proteins(name).parts()]
    ids = [protein_id for part in parts for protein_id in part.ids]
    learnt = Annotator.of_bundle(seed.bundle)
    counts = np.asarray(known.true_of(ids).sum(axis=0)).ravel()
    roots = [known.ontology.row(root) for root in known.ontology.roots]
    rows = np.setdiff1d(np.flatnonzero(counts >= LEAST_TRUE), np.concatenate([learnt.rows, roots]))
    terms = tuple(known.ontology.term_ids[row] for row in rows)
    if not terms:
        return {"terms": 0}
    annotator = Annotator.of_bundle(seed.bundle, TermSelection(learnt=(), unseen=terms))
    said = np.concatenate([annotator.probabilities(part.vectors) for part in parts], axis=1)
    truth, annotated = known.of(ids, rows)
    areas: dict[str, list[float]] = {"guess": [], "least probable learnt ancestor": []}
    claimed, came_true = [], []
    for number, term in enumerate(terms):
        of_space = annotated[known.ontology.namespace_index[rows[number]]]
        ancestors = [n for n, other in enumerate(annotator.term_ids[: len(learnt.rows)])
                     if other in known.ontology.ancestors(term)]  # fmt: skip
        guess = said[annotator.position(term)][of_space]
        told = said[ancestors].min(axis=0)[of_space] if ancestors else np.ones(len(guess))
        true = truth[number, of_space]
        areas["guess"].append(float(roc_auc_score(true, guess)))
        areas["least probable learnt ancestor"].append(float(roc_auc_score(true, told)))
        claimed.append(float(guess.mean()))
        came_true.append(float(true.mean()))
    return {
        "terms": len(terms),
        "proteins": len(ids),
        "area_under_roc": {name: round(float(np.mean(found)), 4) for name, found in areas.items()},
        "mean_probability": round(float(np.mean(claimed)), 6),
        "share_true": round(float(np.mean(came_true)), 6),
    }


def rows_of(corpus: Corpus, valid: int, train: int) -> Split:
    """All of the test split, and so many of the others, drawn."""
    rng = np.random.default_rng(SEED)
    drawn = {}
    for split, number in (("train", train), ("valid", valid)):
        rows = np.flatnonzero((corpus.splits == split) & corpus.has_go)
        drawn[split] = np.sort(rng.choice(rows, min(number, len(rows)), replace=False))
    return Split(test=np.flatnonzero(corpus.splits == "test"), **drawn)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zero_shot_go")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of `data build`")
    parser.add_argument("--bundle", type=Path, action="append", required=True, help="one per seed")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--vectors", type=Path, help="folder that keeps vectors")
    parser.add_argument("--calibration-proteins", type=int, default=1200)
    parser.add_argument("--reference-proteins", type=int, default=3000)
    parser.add_argument("--k", type=int, default=50, help="neighbours asked")
    given = parser.parse_args()
    corpus = Corpus.open(given.corpus)
    rows = rows_of(corpus, given.calibration_proteins, given.reference_proteins)
    seeds: list[dict[str, Any]] = []
    with TemporaryDirectory() as temporary:
        folder = given.vectors or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for path in given.bundle:
            seed = Seed(path, corpus, rows, folder)
            if seed.bundle.ontology is None:
                raise SystemExit(f"{path}: has no ontology")
            known = known_of(corpus, seed.bundle.ontology)
            found = {
                "bundle": seed.bundle.content_hash,
                "annotation": annotation(seed, known, given.k),
                "unseen": unseen_terms(seed, known),
            }
            seeds.append(found)
    figures = {"corpus": corpus.content_hash, "mean": means(seeds), "seeds": seeds}
    save_results(given.out, "benchmarks.zero_shot_go", figures)
    print("\n".join(table(seeds)))


def means(seeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Namespace -> method -> figures, over seeds."""
    first = seeds[0]["annotation"]
    return {
        space: {
            method: {
                name: round(float(np.mean([_figure(s, space, method, name) for s in seeds])), 5)
                for name in FIGURES
            }
            for method in told["methods"]
        }
        for space, told in first.items()
    }


def table(seeds: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Markdown: means over seeds, function / process / component."""
    mean = means(seeds)
    proteins = [told["proteins"] for told in seeds[0]["annotation"].values()]
    yield f"{len(seeds)} seeds, {' / '.join(map(str, proteins))} proteins ({' / '.join(mean)})\n"
    yield "| method | Fmax | Smin | AUPR | ECE | ECE of what is written |"
    yield "|---|---|---|---|---|---|"
    for method in next(iter(mean.values())):
        cells = (
            " / ".join(f"{mean[space][method][name]:.{digits}f}" for space in mean)
            for name, digits in zip(FIGURES, (3, 2, 3, 4, 3), strict=True)
        )
        yield f"| {method} | {' | '.join(cells)} |"
    for seed in seeds:
        yield f"unseen terms: {seed['unseen']}"


def _figure(seed: dict[str, Any], space: str, method: str, name: str) -> float:
    return float(seed["annotation"][space]["methods"][method][name])


if __name__ == "__main__":
    main()
