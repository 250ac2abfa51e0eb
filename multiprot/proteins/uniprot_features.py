"""What the three forms of a UniProt feature table share: kinds, names, and what is left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from multiprot.errors import FileFormatError, RecordError
from multiprot.proteins.feature_table import FeatureTable
from multiprot.proteins.features import FeatureSpan

_KINDS: Final = {
    "init_met": "initiator_methionine",
    "signal": "signal_peptide",
    "propep": "propeptide",
    "transit": "transit_peptide",
    "topo_dom": "topological_domain",
    "transmem": "transmembrane",
    "intramem": "intramembrane",
    "ca_bind": "calcium_binding",
    "zn_fing": "zinc_finger",
    "dna_bind": "dna_binding",
    "np_bind": "nucleotide_binding",
    "coiled": "coiled_coil",
    "compbias": "compositional_bias",
    "act_site": "active_site",
    "metal": "metal_binding",
    "binding": "binding_site",
    "non_std": "non_standard_residue",
    "mod_res": "modified_residue",
    "lipid": "lipidation",
    "carbohyd": "glycosylation",
    "disulfid": "disulfide_bond",
    "crosslnk": "cross_link",
    "var_seq": "alternative_sequence",
    "variant": "natural_variant",
    "mutagen": "mutagenesis",
    "unsure": "sequence_uncertainty",
    "conflict": "sequence_conflict",
    "non_cons": "non_adjacent_residues",
    "non_ter": "non_terminal_residue",
    "strand": "beta_strand",
}

# Each form words these differently: "A -> T (in X)", "In X. A->T", or two keys of their own.
_OF_OTHER_SEQUENCES: Final = frozenset(
    {"alternative_sequence", "natural_variant", "mutagenesis", "sequence_conflict"}
)

# Their descriptions are names of proteins, in which a number is no copy number: "Histone H2 1".
_NAMED_AS_PROTEINS: Final = frozenset({"chain", "peptide", "propeptide"})

_COPY_NUMBER: Final = re.compile(r"(^| )[0-9]+$")


def feature_kind(key: str) -> str:
    """Kind of span, lower case with underscores.

    Parameters
    ----------
    key
        Feature key of the text form (`ZN_FING`), or feature type of the GFF or JSON form
        ("Zinc finger"); both give "zinc_finger".
    """
    plain = re.sub("[ -]", "_", key.lower())
    return _KINDS.get(plain, plain)


def feature_name(kind: str, description: str) -> str:
    """Name of a span, equal for copies of one thing and for all three forms.

    It is the description with a capital first letter (as the GFF form has it). A number before
    the first ";" or at the end, after a space, counts copies and is removed: "Ig-like 2" is
    "Ig-like", "EGF-like 3; calcium-binding" is "EGF-like; calcium-binding". Numbers stay in the
    names of chains and peptides, which are names of proteins. Without a description, and where
    another sequence than this one is described (variants, isoforms, mutants, conflicts), the name
    is the kind; a description that is only a number counts as none.

    Parameters
    ----------
    kind
        What `feature_kind` gave.
    description
        Description or note, without evidence.
    """
    text = " ".join(description.split())
    if not text or kind in _OF_OTHER_SEQUENCES:
        return kind
    if kind not in _NAMED_AS_PROTEINS:
        head, separator, rest = text.partition(";")
        head = _COPY_NUMBER.sub("", head)
        text = f"{head}{separator}{rest}"
        if not head:
            return kind + text
    return text[0].upper() + text[1:]


class FeatureCollector:
    """Gathers the features of one file, protein by protein.

    Parameters
    ----------
    path
        For messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spans: dict[str, list[FeatureSpan]] = {}
        self._without_range = 0

    def begin(self, protein: str, where: str) -> None:
        """Make known a protein to which features may follow.

        Parameters
        ----------
        protein
            Primary accession.
        where
            Line or entry, for messages.

        Raises
        ------
        FileFormatError
            If the id is empty or holds white space, or was there before.
        """
        if protein.split() != [protein]:
            raise FileFormatError(
                f"{self._path}: {where}: {protein!r} is no id of a protein; give its accession"
            )
        if protein in self._spans:
            raise FileFormatError(
                f"{self._path}: {where}: protein {protein} occurs a second time; keep one of its "
                "entries, with all its features together"
            )
        self._spans[protein] = []

    def add(self, protein: str, key: str, description: str, ends: tuple[int, int]) -> None:
        """Take one feature of a protein that was begun.

        Parameters
        ----------
        protein
            Its id.
        key
            For `feature_kind`.
        description
            For `feature_name`.
        ends
            First and last residue, 1-based, both included.

        Raises
        ------
        RecordError
            If `ends` is no range.
        """
        kind = feature_kind(key)
        start, end = ends
        try:
            span = FeatureSpan(start - 1, end, kind, feature_name(kind, description))
        except RecordError:
            raise RecordError(
                f"feature {key}: {start} to {end} is no range; residues are numbered from 1, both "
                "ends included"
            ) from None
        self._spans[protein].append(span)

    def leave_out(self) -> None:
        """Count a feature that has no exact range on the protein's own sequence."""
        self._without_range += 1

    def table(self) -> FeatureTable:
        """All of it; proteins without features are not in it.

        Raises
        ------
        FileFormatError
            If no protein was begun.
        """
        if not self._spans:
            raise FileFormatError(f"{self._path}: holds no protein; fetch the file again")
        table = FeatureTable({p: tuple(sorted(found)) for p, found in self._spans.items() if found})
        table.without_range = self._without_range
        return table
