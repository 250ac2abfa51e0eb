"""A miniature PDB writer, so that each test states the one oddity it is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

OFFSETS = {
    "N": (0.0, 0.0, 0.0),
    "CA": (1.2, 0.8, 0.0),
    "C": (2.45, 0.0, 0.0),
    "O": (2.45, -1.2, 0.0),
    "CB": (1.2, 1.7, 1.2),
}
"""Å from the residue's origin; origins 3.8 Å apart give C–N bonds of 1.35 Å."""


def atom_line(
    name: str,
    component: str,
    number: int | str,
    xyz: Sequence[float],
    *,
    chain: str = "A",
    altloc: str = " ",
    occupancy: float = 1.0,
    b_factor: float = 10.0,
    record: str = "ATOM",
) -> str:
    """One coordinate line; `number` may carry an insertion code, as in "52A"."""
    digits = str(number).rstrip("ABCDEFGH")
    insertion = str(number)[len(digits) :] or " "
    x, y, z = xyz
    return (
        f"{record:<6}    1  {name:<3}{altloc}{component:>3} {chain}{digits:>4}{insertion}   "
        f"{x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f}{b_factor:6.2f}          {name[0]:>2}"
    )


def residue_lines(
    component: str,
    number: int | str,
    place: float,
    *,
    atoms: Sequence[str] = tuple(OFFSETS),
    **columns: object,
) -> list[str]:
    """The lines of one residue, `place` residues along the x axis."""
    return [
        atom_line(
            name,
            component,
            number,
            np.add(OFFSETS[name], (3.8 * place, 0.0, 0.0)).tolist(),
            **columns,  # type: ignore[arg-type]
        )
        for name in atoms
        if not (component == "GLY" and name == "CB")
    ]


def chain_lines(components: Sequence[str], *, start: int = 1, chain: str = "A") -> list[str]:
    """An extended, unbroken chain."""
    return [
        line
        for index, component in enumerate(components)
        for line in residue_lines(component, start + index, index, chain=chain)
    ]


def seqres_lines(components: Sequence[str], chain: str = "A") -> list[str]:
    """SEQRES of one chain."""
    return [
        f"SEQRES {1 + start // 13:>3} {chain} {len(components):>4}  "
        + " ".join(f"{c:>3}" for c in components[start : start + 13])
        for start in range(0, len(components), 13)
    ]
