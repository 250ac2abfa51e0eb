"""The polymer chains of a structure file as tables of atoms, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError
from multiprot.proteins.cif_tables import (
    CifTable,
    CifTables,
    first_given,
    integer_column,
    number_column,
    text_column,
)
from multiprot.proteins.modified import is_amino_acid, is_nucleotide, parents_by_component

FullSequence = tuple[tuple[str, ...], ...]
"""Components [residue] of a chain's full sequence; several where it is heterogeneous."""

PROTEIN: Final = "protein"
_PREDICTORS: Final = ("ALPHAFOLD", "ESMFOLD", "ESM-FOLD", "COLABFOLD", "OPENFOLD", "PLDDT")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomSites:
    """Atoms, one row each; every array is [atom].

    Attributes
    ----------
    chain
        Author chain id.
    number, insertion
        Author residue number and insertion code ("" for none).
    label
        1-based position in the full sequence (`label_seq_id`), 0 where the file has none.
    component, atom, altloc
        Residue name, atom name, alternate location ("" for none).
    occupancy, b_factor
        0–1; Å² or pLDDT, NaN where the file has none.
    xyz
        float32 [atom, xyz], Å.
    """

    chain: NDArray[np.str_]
    number: NDArray[np.int64]
    insertion: NDArray[np.str_]
    label: NDArray[np.int64]
    component: NDArray[np.str_]
    atom: NDArray[np.str_]
    altloc: NDArray[np.str_]
    occupancy: NDArray[np.float64]
    b_factor: NDArray[np.float64]
    xyz: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.chain)

    def take(self, rows: NDArray[np.bool_]) -> AtomSites:
        """The atoms where `rows` [atom] is True."""
        return AtomSites(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is needed of a structure file.

    Attributes
    ----------
    sites
        Atoms of all polymer chains of the first model.
    kinds
        What each polymer chain is: "protein", "DNA", "RNA" …, in the file's order.
    sequences
        Full sequences of the chains for which the file states one.
    parents
        Parents of modified components, as the file declares them.
    models
        Number of models in the file.
    predicted
        Whether the B-factor column holds pLDDT.
    """

    sites: AtomSites
    kinds: Mapping[str, str]
    sequences: Mapping[str, FullSequence]
    parents: Mapping[str, frozenset[str]]
    models: int
    predicted: bool


def read_entry(tables: CifTables) -> Entry:
    """Pick polymers, full sequences and declarations out of CIF categories."""
    table = tables["atom_site"]
    model = text_column(table, "pdbx_PDB_model_num")
    rows = model == model[0]
    sites, asym = _atom_sites(table), text_column(table, "label_asym_id")
    rows &= np.isfinite(sites.xyz).all(axis=1)
    entity = _entities(tables, asym)
    rows &= _polymer_rows(tables, sites, entity)
    sites, asym, entity = sites.take(rows), asym[rows], entity[rows]
    sites = replace(sites, chain=_separate_polymers_of_one_chain(sites.chain, asym))
    entity_of_chain = dict(zip(sites.chain.tolist(), entity.tolist(), strict=True))
    stated_sequences, stated_kinds = _full_sequences(tables), _stated_kinds(tables)
    return Entry(
        sites=sites,
        kinds={
            chain: stated_kinds.get(entity) or _kind_by_components(sites, chain)
            for chain, entity in entity_of_chain.items()
        },
        sequences={
            chain: stated_sequences[entity]
            for chain, entity in entity_of_chain.items()
            if entity in stated_sequences
        },
        parents=_declared_parents(tables),
        models=len(np.unique(model)),
        predicted=_is_predicted(tables),
    )


def _atom_sites(table: CifTable) -> AtomSites:
    label = integer_column(table, "label_seq_id", missing=0)
    coordinates = [number_column(table, f"Cartn_{axis}") for axis in "xyz"]
    occupancy = number_column(table, "occupancy", default=1.0)
    return AtomSites(
        chain=first_given(table, "auth_asym_id", "label_asym_id"),
        number=integer_column(table, "auth_seq_id", missing=label),
        insertion=text_column(table, "pdbx_PDB_ins_code"),
        label=label,
        component=first_given(table, "label_comp_id", "auth_comp_id"),
        atom=first_given(table, "label_atom_id", "auth_atom_id"),
        altloc=text_column(table, "label_alt_id"),
        occupancy=np.where(np.isnan(occupancy), 1.0, occupancy),
        b_factor=number_column(table, "B_iso_or_equiv", default=np.nan),
        xyz=np.stack(coordinates, axis=1).astype(np.float32),
    )


def _entities(tables: CifTables, asym: NDArray[np.str_]) -> NDArray[np.str_]:
    """Entity id [atom]; looked up through the asymmetric unit where the atoms do not say."""
    entity = text_column(tables["atom_site"], "label_entity_id")
    units = tables.get("struct_asym")
    if units is None or (entity != "").all():
        return entity
    by_unit = dict(
        zip(
            text_column(units, "id").tolist(), text_column(units, "entity_id").tolist(), strict=True
        )
    )
    return np.array([e or by_unit.get(a, "") for e, a in zip(entity, asym, strict=True)], np.str_)


def _polymer_rows(
    tables: CifTables, sites: AtomSites, entity: NDArray[np.str_]
) -> NDArray[np.bool_]:
    """bool [atom]: atoms of polymers, by the file's entities or else by what residues are."""
    polymers: set[str] = set()
    if entities := tables.get("entity"):
        polymers |= set(
            text_column(entities, "id")[text_column(entities, "type") == "polymer"].tolist()
        )
    for category in ("entity_poly", "entity_poly_seq"):
        if stated := tables.get(category):
            polymers |= set(text_column(stated, "entity_id").tolist())
    rows = np.isin(entity, sorted(polymers))
    if rows.any() or "entity" in tables:
        return rows
    residues = [c for c in np.unique(sites.component) if is_amino_acid(c) or is_nucleotide(c)]
    rows = np.isin(sites.component, residues)
    numbered = sites.label > 0
    return rows & numbered if numbered.any() else rows


def _separate_polymers_of_one_chain(
    chain: NDArray[np.str_], asym: NDArray[np.str_]
) -> NDArray[np.str_]:
    """Chain names [atom]; several polymers under one author id become `id-unit`."""
    units: dict[str, set[str]] = {}
    for name, unit in set(zip(chain.tolist(), asym.tolist(), strict=True)):
        units.setdefault(name, set()).add(unit)
    shared = [name for name, found in units.items() if len(found) > 1]
    if not shared:
        return chain
    return np.where(np.isin(chain, shared), np.char.add(np.char.add(chain, "-"), asym), chain)


def _full_sequences(tables: CifTables) -> dict[str, FullSequence]:
    table = tables.get("entity_poly_seq")
    if table is None:
        return {}
    components: dict[str, dict[int, list[str]]] = {}
    columns = (
        text_column(table, "entity_id"),
        integer_column(table, "num"),
        text_column(table, "mon_id"),
    )
    for entity, number, component in zip(*(c.tolist() for c in columns), strict=True):
        components.setdefault(entity, {}).setdefault(number, []).append(component)
    for entity, by_number in components.items():
        if sorted(by_number) != list(range(1, len(by_number) + 1)):
            raise FileFormatError(f"entity_poly_seq of entity {entity} is not numbered 1, 2, 3 …")
    return {
        entity: tuple(tuple(by_number[n]) for n in sorted(by_number))
        for entity, by_number in components.items()
    }


def _stated_kinds(tables: CifTables) -> dict[str, str]:
    """Kind of each entity whose polymer type is stated and tells protein from nucleic acid."""
    table = tables.get("entity_poly")
    if table is None:
        return {}
    kinds: dict[str, str] = {}
    types = np.char.lower(text_column(table, "type")).tolist()
    for entity, stated in zip(text_column(table, "entity_id").tolist(), types, strict=True):
        if stated.startswith("polypeptide"):
            kinds[entity] = PROTEIN
        elif "nucleotide" in stated:
            deoxy, hybrid = "deoxy" in stated, "hybrid" in stated
            kinds[entity] = "DNA/RNA hybrid" if hybrid else "DNA" if deoxy else "RNA"
    return kinds


def _kind_by_components(sites: AtomSites, chain: str) -> str:
    components = np.unique(sites.component[sites.chain == chain])
    amino_acids = sum(is_amino_acid(c) for c in components)
    nucleotides = sum(is_nucleotide(c) for c in components)
    if amino_acids >= max(nucleotides, 1):
        return PROTEIN
    return "nucleic acid" if nucleotides else "neither protein nor nucleic acid"


def _declared_parents(tables: CifTables) -> dict[str, frozenset[str]]:
    table = tables.get("pdbx_struct_mod_residue")
    if table is None:
        return {}
    components = first_given(table, "label_comp_id", "auth_comp_id")
    return parents_by_component(components.tolist(), text_column(table, "parent_comp_id").tolist())


def _is_predicted(tables: CifTables) -> bool:
    """Whether the file says that it is a predicted model with pLDDT in the B-factor column."""
    if quality := tables.get("ma_qa_metric"):
        stated = np.char.lower(
            np.append(text_column(quality, "name"), text_column(quality, "type"))
        )
        return any("plddt" in metric for metric in stated.tolist())
    if experiment := tables.get("exptl"):
        methods = np.char.upper(text_column(experiment, "method")).tolist()
        if not all("THEORETICAL" in method for method in methods):
            return False
    title = tables.get("struct")
    described = "" if title is None else " ".join(text_column(title, "title").tolist()).upper()
    return any(predictor in described for predictor in _PREDICTORS)
