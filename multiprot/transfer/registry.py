"""All measures, by name."""

from __future__ import annotations

from math import inf
from types import MappingProxyType
from typing import Final

from multiprot.config.keys import unknown_name
from multiprot.errors import TransferError
from multiprot.transfer.alignment import linear_cka
from multiprot.transfer.h_score import h_score
from multiprot.transfer.leep import leep
from multiprot.transfer.logme import logme
from multiprot.transfer.measure import Labels, Measure, Takes
from multiprot.transfer.otdd import otdd
from multiprot.transfer.otmtd import otmtd
from multiprot.transfer.purity import knn_purity
from multiprot.transfer.transport import pair_otfrm, sinkhorn, sliced, wasserstein_distance

_ALL: Final = (
    Measure(
        name="otfrm",
        summary="How tight the target is, by its optimal-transport similarity to the source",
        source="Hu et al. 2023, Adv. Sci. 10:2301223 (MASSA)",
        takes=Takes.PAIR,
        labels=Labels.NONE,
        symmetric=False,
        larger_is_better=True,
        least=-inf,
        most=inf,
        compute=pair_otfrm,
        denominator="inter",
    ),
    Measure(
        name="wasserstein",
        summary="Exact Wasserstein distance with the cosine cost",
        source="Hu et al. 2023, Adv. Sci. 10:2301223 (OT distance)",
        takes=Takes.PAIR,
        labels=Labels.NONE,
        symmetric=True,
        larger_is_better=False,
        least=0.0,
        most=2.0,
        compute=wasserstein_distance,
    ),
    Measure(
        name="sinkhorn",
        summary="Sinkhorn divergence with the cosine cost: smooth, 0 for equal sets",
        source="Feydy et al. 2019, arXiv:1810.08278",
        takes=Takes.PAIR,
        labels=Labels.NONE,
        symmetric=True,
        larger_is_better=False,
        least=0.0,
        most=2.0,
        compute=sinkhorn,
    ),
    Measure(
        name="sliced-wasserstein",
        summary="Wasserstein distance of projections on random directions, unit vectors",
        source="Bonneel et al. 2015, J. Math. Imaging Vis. 51:22",
        takes=Takes.PAIR,
        labels=Labels.NONE,
        symmetric=True,
        larger_is_better=False,
        least=0.0,
        most=2.0,
        compute=sliced,
    ),
    Measure(
        name="otdd",
        summary="Optimal transport dataset distance: vectors and labels transported together",
        source="Alvarez-Melis & Fusi 2020, arXiv:2002.02923",
        takes=Takes.PAIR,
        labels=Labels.BOTH,
        symmetric=True,
        larger_is_better=False,
        least=0.0,
        most=inf,
        compute=otdd,
    ),
    Measure(
        name="otmtd",
        summary="Distance of tasks embedded by transport from 200 reference points",
        source="Authors of MASSA, repository OTMTD; Liu et al. 2022, arXiv:2208.11726",
        takes=Takes.PAIR,
        labels=Labels.BOTH,
        symmetric=True,
        larger_is_better=False,
        least=0.0,
        most=inf,
        compute=otmtd,
    ),
    Measure(
        name="logme",
        summary="Evidence of the labels under a Bayesian linear model of the vectors",
        source="You et al. 2021, arXiv:2102.11005",
        takes=Takes.ONE_SET,
        labels=Labels.TARGET,
        symmetric=True,
        larger_is_better=True,
        least=-inf,
        most=inf,
        compute=logme,
    ),
    Measure(
        name="leep",
        summary="What a classifier of the source's labels tells about the target's",
        source="Nguyen et al. 2020, arXiv:2002.12462",
        takes=Takes.PAIR,
        labels=Labels.BOTH,
        symmetric=False,
        larger_is_better=True,
        least=-inf,
        most=0.0,
        compute=leep,
    ),
    Measure(
        name="h-score",
        summary="Variance between classes by variance of all vectors, shrunk",
        source="Bao et al. 2019, ICIP; Ibrahim et al. 2022, arXiv:2110.06893",
        takes=Takes.ONE_SET,
        labels=Labels.TARGET,
        symmetric=True,
        larger_is_better=True,
        least=0.0,
        most=inf,
        compute=h_score,
    ),
    Measure(
        name="knn-purity",
        summary="Share of the nearest neighbours that have the protein's label",
        source="share of same-class neighbours among the k nearest by cosine",
        takes=Takes.ONE_SET,
        labels=Labels.TARGET,
        symmetric=True,
        larger_is_better=True,
        least=0.0,
        most=1.0,
        compute=knn_purity,
    ),
    Measure(
        name="cka",
        summary="Linear centred kernel alignment of two representations of the same proteins",
        source="Kornblith et al. 2019, arXiv:1905.00414",
        takes=Takes.PAIRED_ROWS,
        labels=Labels.NONE,
        symmetric=True,
        larger_is_better=True,
        least=0.0,
        most=1.0,
        compute=linear_cka,
    ),
)

MEASURES: Final = MappingProxyType({each.name: each for each in _ALL})
"""Every measure."""


def measure_named(name: str) -> Measure:
    """The measure of that name; `TransferError` names all if there is none."""
    if name not in MEASURES:
        raise TransferError(unknown_name("measure", name, tuple(MEASURES)))
    return MEASURES[name]
