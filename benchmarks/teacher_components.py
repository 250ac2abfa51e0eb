r"""How much of a teacher's vectors a model explains, from what varies most to what varies least.

    python -m benchmarks.teacher_components --out FILE --corpus runs/corpus/massa \
        --store runs/teachers/fused --model mini --model student=runs/student/bundle

The teacher's channels are standardised over the train proteins and turned to their principal
components. Ridge regressions lead from each model's vectors to each component; what is told is the
share of a component's variance that they explain (R²) over valid and test proteins, which none has
learnt from. "composition" are shares of amino acids and the logarithm of the length.

A loss that sums over channels is decided by the first components, and most of these is composition;
this says how far a student has come beyond.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from benchmarks.results import save_results
from multiprot.data import Corpus
from multiprot.embedding import Embedder, EmbeddingStore, EmbedOptions
from multiprot.evaluation.features import parse_models
from multiprot.proteins import AMINO_ACIDS, ProteinRecord

GROUPS: Final = (0, 2, 5, 10, 20, 40, 80, 128)
"""Where groups of components begin; the last one ends at the last component."""
PENALTIES: Final = tuple(10.0**power for power in range(-2, 5))

Matrix = NDArray[np.float64]


class Components:
    """Principal components of standardised vectors.

    Parameters
    ----------
    vectors
        [protein, channel], of train proteins.
    """

    def __init__(self, vectors: NDArray[np.floating]) -> None:
        self._mean = vectors.mean(axis=0, dtype=np.float64)
        deviation = vectors.std(axis=0, dtype=np.float64)
        self._deviation = np.where(deviation > 0, deviation, 1.0)
        scaled = (vectors - self._mean) / self._deviation
        variances, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        self.variances: Matrix = variances[::-1].clip(min=0)
        self._axes = axes[:, ::-1]

    def of(self, vectors: NDArray[np.floating]) -> Matrix:
        """Components [protein, component], the one that varies most first."""
        return np.asarray((vectors - self._mean) / self._deviation @ self._axes)


def explained(features: Matrix, components: Matrix, fitted: NDArray[np.bool_]) -> Matrix:
    """R² [component] over the proteins that the regression was not fitted on.

    Parameters
    ----------
    features
        [protein, feature].
    components
        [protein, component].
    fitted
        bool [protein]: the regression is fitted on these.
    """
    mean, deviation = features[fitted].mean(axis=0), features[fitted].std(axis=0)
    scaled = (features - mean) / np.where(deviation > 0, deviation, 1.0)
    ridge = RidgeCV(alphas=PENALTIES, alpha_per_target=True).fit(scaled[fitted], components[fitted])
    left = components[~fitted] - ridge.predict(scaled[~fitted])
    apart = components[~fitted] - components[~fitted].mean(axis=0)
    return np.asarray(1 - np.square(left).sum(axis=0) / np.square(apart).sum(axis=0))


def composition(records: Sequence[ProteinRecord]) -> Matrix:
    """Shares of amino acids and the logarithm of the length, [protein, 21]."""
    shares = [[r.sequence.count(letter) / len(r) for letter in AMINO_ACIDS] for r in records]
    lengths = [[np.log(len(record))] for record in records]
    return np.concatenate([shares, lengths], axis=1)


def row(shares: Matrix, variances: Matrix) -> list[float]:
    """Means over `GROUPS`, and the share of all variance."""
    ends = (*GROUPS[1:], len(shares))
    groups = [float(shares[begin:end].mean()) for begin, end in zip(GROUPS, ends, strict=True)]
    return [*groups, float(shares @ variances / variances.sum())]


def main() -> None:
    given = _arguments()
    corpus, store = Corpus.open(given.corpus), EmbeddingStore.open(given.store)
    place = {name: number for number, name in enumerate(store.ids)}
    rng = np.random.default_rng(0)
    train = rng.permutation(corpus.rows("train"))[: given.proteins]
    held = np.concatenate([corpus.rows("valid"), corpus.rows("test")])[: given.proteins]
    read = corpus.read(np.concatenate([train, held]).tolist())
    records = [each for each in read if len(each) <= given.longest and each.id in place]
    trained = {corpus.ids[number] for number in train}
    fitted = np.array([each.id in trained for each in records])
    vectors = store.vectors()[[place[each.id] for each in records]]
    components = Components(vectors[fitted])
    truth = components.of(vectors)

    told = {
        "composition": row(explained(composition(records), truth, fitted), components.variances)
    }
    for model in parse_models(given.model):
        embedder = Embedder.open(model.target, options=EmbedOptions(precision="bf16"))
        made = np.asarray(embedder.embed(records).vectors, dtype=np.float64)
        told[model.name] = row(explained(made, truth, fitted), components.variances)
    ends = (*GROUPS[1:], len(components.variances))
    heads = [f"{begin + 1}-{end}" for begin, end in zip(GROUPS, ends, strict=True)]
    print(f"| model | {' | '.join(heads)} | all |\n|---|{'---:|' * (len(heads) + 1)}")
    for name, shares in told.items():
        print(f"| {name} | {' | '.join(f'{share:.2f}' for share in shares)} |")
    of_all = np.cumsum(components.variances) / components.variances.sum()
    print(
        "share of the teacher's variance:", {end: round(float(of_all[end - 1]), 3) for end in ends}
    )
    figures = {"columns": [*heads, "all"], "explained": told, "held_out": int((~fitted).sum())}
    save_results(given.out, "benchmarks.teacher_components", figures)


def _arguments() -> argparse.Namespace:
    found = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--out", type=Path, required=True, help="JSON file to write")
    found.add_argument("--corpus", type=Path, required=True)
    found.add_argument("--store", type=Path, required=True, help="the teacher's vectors")
    found.add_argument("--model", action="append", required=True, help="NAME=MODEL; repeatable")
    found.add_argument("--proteins", type=int, default=3000, help="to fit on, and to score on")
    found.add_argument(
        "--longest", type=int, default=600, help="residues; longer ones are left out"
    )
    return found.parse_args()


if __name__ == "__main__":
    main()
