"""Every error that multiprot raises on purpose; each message gives the value and the next step."""

from __future__ import annotations


class MultiprotError(Exception):
    """Parent of all deliberate errors. The command line prints it as one line and exits with 2."""


class RecordError(MultiprotError):
    """A protein record contradicts itself (lengths, letters, ids, spans)."""


class FileFormatError(MultiprotError):
    """A file cannot be read as what it claims to be, or holds nothing that can be used."""


class OntologyError(MultiprotError):
    """An ontology or an annotation contradicts itself."""


class ObsoleteTermError(OntologyError):
    """A GO term is obsolete and has no single replacement; `candidates` are what OBO suggests."""

    def __init__(self, message: str, candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.candidates = candidates


class UnknownTermError(OntologyError):
    """A GO id is not in this release of the ontology."""


class ConfigError(MultiprotError):
    """A setting is unknown, of the wrong type or out of range."""


class PluginError(MultiprotError):
    """A plugin is missing, broken, ambiguous or breaks the contract."""


class DataError(MultiprotError):
    """A corpus, split or batch is unusable."""


class TrainingError(MultiprotError):
    """Training cannot start or go on."""


class BundleError(MultiprotError):
    """A saved model is incomplete, altered or does not fit what is installed."""


class EmbeddingError(MultiprotError):
    """Proteins could not be embedded or their vectors not written."""


class SearchError(MultiprotError):
    """Neighbours could not be found, or annotations not transferred."""


class EvaluationError(MultiprotError):
    """A task folder is unusable, or a model cannot be scored on it."""


class TransferError(MultiprotError):
    """Transferability cannot be measured on what was given."""


class FidelityError(MultiprotError):
    """A student cannot be compared with its teacher, or keeps too little of it."""


class ReportError(MultiprotError):
    """A page cannot be made of what was given."""


class ExportError(MultiprotError):
    """A model cannot be written for another tool, or would not be the same there."""


class OutputExistsError(MultiprotError):
    """The output is already there and would be overwritten."""
