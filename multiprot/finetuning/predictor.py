"""What a fine-tuned bundle says of proteins, their residues, or pairs of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle import Bundle, PredictionHead, PredictionSettings, load_bundle
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.embedding.embedder import OnFailure
from multiprot.embedding.embeddings import EmbeddedProtein, Failure
from multiprot.embedding.identity import sequence_hash
from multiprot.errors import BundleError, EvaluationError, RecordError
from multiprot.evaluation.structures import StructureLibrary
from multiprot.finetuning.attached import with_structures
from multiprot.finetuning.entries import TableEntry
from multiprot.finetuning.ligands import ligand_fingerprints
from multiprot.finetuning.options import PredictOptions
from multiprot.finetuning.rows import Rows, predicted
from multiprot.proteins import ProteinRecord

_ENTRIES_AT_ONCE: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What is said of one entry.

    Attributes
    ----------
    id
        The entry's.
    sequence
        Of the protein; of a pair, the first.
    values
        float64 [row] or [row, class], as `PredictionHead.predictions` gives them; one row, or one
        for each residue.
    structured
        A structure was used, of one of its proteins at least.
    """

    id: str
    sequence: str
    values: NDArray[np.float64]
    structured: bool = False


class Predictor:
    """A fine-tuned bundle, ready to predict.

    Vectors are those of `Embedder`, as they were in training: from sequences alone, or also from
    structures where a record has one (`settings.structures`). A prediction does not depend on what
    is predicted beside it.

    Attributes
    ----------
    settings
        What it predicts, and from what.
    """

    def __init__(
        self,
        embedder: Embedder,
        head: PredictionHead,
        structures: StructureLibrary | None = None,
    ) -> None:
        self._embedder = embedder
        self._structures = structures
        self._head = head
        self._network = None if head.graph is None else head.graph.network()
        self.settings: PredictionSettings = head.settings

    @property
    def of_tables(self) -> bool:
        """Whether it predicts for `entries` rather than for single `proteins`."""
        single = self.settings.unit in ("protein", "residue")
        return not single or bool(self.settings.wild_type)

    @classmethod
    def open(
        cls,
        model: Path | str | Bundle,
        *,
        device: str = "cpu",
        options: PredictOptions | None = None,
        structures: StructureLibrary | None = None,
        allow_other_versions: bool = False,
    ) -> Predictor:
        """The predictor of a bundle that `multiprot finetune` made.

        Parameters
        ----------
        model
            Its folder, or the bundle itself.
        device
            "cpu", "cuda", "cuda:1", "mps".
        options
            How to compute.
        structures
            Where structures are found of proteins that have none of their own.
        allow_other_versions
            As in `load_bundle`.

        Raises
        ------
        BundleError
            As `load_bundle`; also if the bundle predicts nothing.
        EvaluationError
            If there are structures, and it was fine-tuned without.
        """
        options = options or PredictOptions()
        bundle = model
        if not isinstance(bundle, Bundle):
            bundle = load_bundle(bundle, allow_other_versions=allow_other_versions)
        if not bundle.has_prediction():
            raise BundleError(
                f"{bundle.path}: predicts nothing, it was not fine-tuned on a task; see "
                "`multiprot finetune`"
            )
        head = bundle.load_prediction()
        if structures is not None and not head.settings.structures:
            raise EvaluationError(
                f"{bundle.path}: was fine-tuned without structures, and would not look at those of "
                f"{structures.folder}; leave --structures out"
            )
        embedding = EmbedOptions(
            modalities="all" if head.settings.structures else "sequence",
            long_proteins=options.long_proteins,
            max_residues=head.settings.max_residues,
            window_overlap=head.settings.window_overlap,
            tokens_per_batch=options.tokens_per_batch,
            precision=options.precision,
        )
        embedder = Embedder.from_bundle(bundle, device=device, options=embedding)
        return cls(embedder, head, structures)

    def proteins(
        self, records: Iterable[ProteinRecord], *, on_failure: OnFailure | None = None
    ) -> Iterator[Predicted]:
        """What is said of proteins, or of all their residues, in their order.

        Parameters
        ----------
        records
            Read ahead by as many as an embedding shard has.
        on_failure
            Called with each protein that the model refuses, which is left out; None: raise.

        Raises
        ------
        EvaluationError
            If it predicts for `entries` of tables.
        """
        if self.of_tables:
            beside = " beside their wild types" if self.settings.wild_type else ""
            raise EvaluationError(
                f"task {self.settings.task}: predictions are for {self.settings.unit} entries"
                f"{beside}, not for single proteins; give a table of them"
            )
        residues = self.settings.unit == "residue"
        sequences: list[str] = []
        chunks = self._embedder.stream(
            _noting(with_structures(records, self._structures), sequences),
            residues=residues,
            on_failure=on_failure,
        )
        for chunk in chunks:
            known = {sequence_hash(sequence): sequence for sequence in sequences}
            proteins = list(chunk)
            if proteins:
                yield from self._of(proteins, known)
            sequences.clear()

    def entries(
        self, entries: Iterable[TableEntry], *, on_failure: OnFailure | None = None
    ) -> Iterator[Predicted]:
        """What is said of pairs, proteins with ligands, or mutants beside wild types, in order.

        Parameters
        ----------
        entries
            As `read_entries` gives them.
        on_failure
            As in `proteins`.
        """
        remaining = iter(entries)
        while part := list(islice(remaining, _ENTRIES_AT_ONCE)):
            yield from self._of_entries(part, on_failure)

    def _of(
        self, proteins: list[EmbeddedProtein], sequences: dict[str, str]
    ) -> Iterator[Predicted]:
        if self.settings.unit == "residue":
            matrices = [p.residues for p in proteins if p.residues is not None]
            values = predicted(self._head, Rows(first=np.concatenate(matrices)))
            counts = [protein.length for protein in proteins]
        else:
            values = predicted(self._head, Rows(first=np.stack([p.vector for p in proteins])))
            counts = [1] * len(proteins)
        ends = np.cumsum(counts)
        for protein, end, count in zip(proteins, ends, counts, strict=True):
            sequence = sequences[protein.sequence_hash]
            structured = "structure" in protein.modalities
            yield Predicted(protein.id, sequence, values[end - count : end], structured)

    def _of_entries(
        self, entries: list[TableEntry], on_failure: OnFailure | None
    ) -> Iterator[Predicted]:
        found_of, reasons = self._vectors(entries)
        vectors = {sequence: protein.vector for sequence, protein in found_of.items()}
        prints, unread = self._fingerprints(entries)
        usable = []
        for entry in entries:
            found = [reasons[s] for s in entry.sequences if s in reasons]
            found += [unread[s] for s in (entry.smiles,) if s in unread]
            reason = next(iter(found), None)
            if reason is None:
                usable.append(entry)
            elif on_failure is None:
                raise EvaluationError(f"entry {entry.id}: {reason}")
            else:
                on_failure(Failure(entry.id, reason))
        if not usable:
            return
        columns = [np.stack([vectors[s] for s in column]) for column in _columns(usable)]
        own = len(columns) - len(self.settings.wild_type)
        ligands = [entry.smiles for entry in usable if entry.smiles is not None]
        rows = Rows(
            first=columns[0],
            second=columns[1] if own > 1 else None,
            ligand=np.stack([prints[text] for text in ligands]) if prints else None,
            nodes=self._nodes(usable),
            wild_type=np.stack(columns[own:], axis=1) if columns[own:] else None,
        )
        values = predicted(self._head, rows)
        for row, entry in enumerate(usable):
            structured = any("structure" in found_of[s].modalities for s in entry.sequences)
            yield Predicted(entry.id, entry.sequences[0], values[row : row + 1], structured)

    def _nodes(self, entries: list[TableEntry]) -> NDArray[np.int64] | None:
        """Which proteins of the head's network pairs are of; None where it has none."""
        if self._network is None:
            return None
        return np.stack([self._network.numbers(c) for c in _columns(entries)], axis=1)

    def _fingerprints(
        self, entries: list[TableEntry]
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
        """Fingerprints by SMILES, and why others have none; empty where there are no ligands."""
        if not self.settings.ligand_bits:
            return {}, {}
        return ligand_fingerprints(e.smiles for e in entries if e.smiles is not None)

    def _vectors(
        self, entries: list[TableEntry]
    ) -> tuple[dict[str, EmbeddedProtein], dict[str, str]]:
        """Proteins with vectors by sequence, and why others have none."""
        names: dict[str, str] = {}
        reasons: dict[str, str] = {}
        records: list[ProteinRecord] = []
        for sequence in dict.fromkeys(s for entry in entries for s in entry.sequences):
            try:
                record = ProteinRecord(id=f"sequence-{len(records)}", sequence=sequence)
            except RecordError as error:
                reasons[sequence] = str(error)
                continue
            names[record.id] = sequence
            records.append(record)

        def refuse(failure: Failure) -> None:
            reasons[names[failure.id]] = failure.reason

        given = with_structures(records, self._structures)
        found = {
            names[protein.id]: protein
            for chunk in self._embedder.stream(given, on_failure=refuse)
            for protein in chunk
        }
        return found, reasons


def _noting(records: Iterable[ProteinRecord], noted: list[str]) -> Iterator[ProteinRecord]:
    for record in records:
        noted.append(record.sequence)
        yield record


def _columns(entries: list[TableEntry]) -> list[list[str]]:
    return [list(column) for column in zip(*(e.sequences for e in entries), strict=True)]
