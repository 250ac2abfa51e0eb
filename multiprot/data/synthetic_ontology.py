"""A miniature ontology whose terms follow from a protein's fold and family."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from multiprot.ontology import GeneOntology, Namespace, Term

RELEASE: Final = "synthetic/1"

_ROOTS: Final = {
    Namespace.FUNCTION: "GO:0003674",
    Namespace.PROCESS: "GO:0008150",
    Namespace.COMPONENT: "GO:0005575",
}
# Blocks of invented ids, above all that GO has given out so far.
_FUNCTION_CLASS, _FUNCTION = 9_100_000, 9_101_000
_PROCESS_CLASS, _PROCESS = 9_200_000, 9_201_000
_COMPONENT_CLASS, _COMPONENT = 9_300_000, 9_301_000

FOLD_CLASSES: Final = 4
"""Families whose numbers agree modulo this share a class of folds, and a function class."""

_PROCESS_CLASSES: Final = 3
_FAMILIES_PER_PROCESS: Final = 2
_COMPONENTS: Final = 6


def mini_ontology(families: int) -> GeneOntology:
    """Three namespaces with is_a and part_of edges for so many families."""
    roots = [
        Term(id=root, name=str(namespace), namespace=namespace)
        for namespace, root in _ROOTS.items()
    ]
    terms = (*roots, *_functions(families), *_processes(families), *_components())
    return GeneOntology.from_terms(terms, release=RELEASE)


def family_terms(family: int) -> dict[Namespace, str]:
    """The most specific term of a family in each namespace, as a curator would annotate it."""
    return {
        Namespace.FUNCTION: _id(_FUNCTION, family),
        Namespace.PROCESS: _id(_PROCESS, family // _FAMILIES_PER_PROCESS),
        Namespace.COMPONENT: _id(_COMPONENT, family % _COMPONENTS),
    }


def _functions(families: int) -> Iterator[Term]:
    space = Namespace.FUNCTION
    for fold in range(FOLD_CLASSES):
        yield Term(
            id=_id(_FUNCTION_CLASS, fold),
            name=f"activity of fold class {fold}",
            namespace=space,
            is_a=(_ROOTS[space],),
        )
    for family in range(families):
        yield Term(
            id=_id(_FUNCTION, family),
            name=f"activity of family {family}",
            namespace=space,
            is_a=(_id(_FUNCTION_CLASS, family % FOLD_CLASSES),),
            part_of=(_id(_PROCESS, family // _FAMILIES_PER_PROCESS),),
        )


def _processes(families: int) -> Iterator[Term]:
    space = Namespace.PROCESS
    for group in range(_PROCESS_CLASSES):
        yield Term(
            id=_id(_PROCESS_CLASS, group),
            name=f"processes of group {group}",
            namespace=space,
            is_a=(_ROOTS[space],),
        )
    for process in range(-(-families // _FAMILIES_PER_PROCESS)):
        yield Term(
            id=_id(_PROCESS, process),
            name=f"process {process}",
            namespace=space,
            is_a=(_id(_PROCESS_CLASS, process % _PROCESS_CLASSES),),
        )


def _components() -> Iterator[Term]:
    space = Namespace.COMPONENT
    half = _COMPONENTS // 2
    for side, name in enumerate(("inner", "outer")):
        yield Term(
            id=_id(_COMPONENT_CLASS, side),
            name=f"{name} compartment",
            namespace=space,
            is_a=(_ROOTS[space],),
        )
    for part in range(_COMPONENTS):
        yield Term(
            id=_id(_COMPONENT, part),
            name=f"compartment {part}",
            namespace=space,
            is_a=(_id(_COMPONENT_CLASS, part // half),),
            # Within each half a chain of nested compartments.
            part_of=() if part % half == 0 else (_id(_COMPONENT, part - 1),),
        )


def _id(block: int, number: int) -> str:
    return f"GO:{block + number:07d}"
