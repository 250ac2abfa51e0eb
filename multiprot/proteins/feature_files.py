"""Reading feature spans from whatever form of file they come in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from multiprot.errors import FileFormatError
from multiprot.proteins.feature_table import FeatureTable, read_feature_table
from multiprot.proteins.uniprot_gff import read_uniprot_gff
from multiprot.proteins.uniprot_json import read_uniprot_json
from multiprot.proteins.uniprot_text import read_uniprot_text

_READERS: Final[dict[str, Callable[[Path], FeatureTable]]] = {
    ".tsv": read_feature_table,
    ".tab": read_feature_table,
    ".txt": read_uniprot_text,
    ".dat": read_uniprot_text,
    ".gff": read_uniprot_gff,
    ".gff3": read_uniprot_gff,
    ".json": read_uniprot_json,
}


def read_features(path: Path | str) -> FeatureTable:
    """Read feature spans from a table, or from UniProtKB entries in text, GFF or JSON form.

    Parameters
    ----------
    path
        Its suffix tells the form: .tsv or .tab a table (see `read_feature_table`), .txt or .dat
        UniProt's text form, .gff or .gff3, .json; ".gz" or ".xz" may follow.

    Returns
    -------
    FeatureTable
        The three UniProt forms of an entry give equal spans, if all ends are exact.

    Raises
    ------
    FileFormatError
        If the suffix is another, or the file is not what its suffix says.
    """
    source = Path(path)
    bare = source.name.lower().removesuffix(".gz").removesuffix(".xz")
    reader = _READERS.get(Path(bare).suffix)
    if reader is None:
        raise FileFormatError(
            f"{source}: the suffix tells no form of feature file; name it "
            f"{', '.join(_READERS)}, and perhaps .gz"
        )
    return reader(source)
