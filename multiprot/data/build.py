"""Building a corpus from files, record by record.

In memory at any time are a few structures, one row group, the tables (annotation, features,
splits, exclusion) and some hundred bytes per protein: hashes of its id and sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from multiprot.data.assembly import Assembly, Knowledge
from multiprot.data.build_inputs import describe_inputs, read_knowledge
from multiprot.data.build_options import CorpusBuildOptions
from multiprot.data.build_report import ReportWriter
from multiprot.data.clusters import assign_splits, cluster_sequences, require_clustering
from multiprot.data.corpus import Corpus
from multiprot.data.corpus_format import REPORT
from multiprot.data.corpus_writer import CorpusWriter, file_entry
from multiprot.data.progress import Progress
from multiprot.data.split_table import LeakGuard, sequence_digest
from multiprot.data.structure_source import (
    StructureFile,
    list_structure_files,
    read_structures,
)
from multiprot.errors import DataError
from multiprot.files import atomic_folder, refuse_existing
from multiprot.proteins import ProteinRecord, read_fasta
from multiprot.proteins.structure_file import structure_stem

_NO_LARGE_CACHE: Final = 1 << 24


def build_corpus(
    options: CorpusBuildOptions,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Corpus:
    """Build a corpus from files.

    Parameters
    ----------
    options
        Inputs and choices.
    out
        Folder to make; it appears only when all is done.
    overwrite
        Replace `out` if it exists.
    progress
        Called now and then.

    Returns
    -------
    Corpus
        The corpus, opened.

    Raises
    ------
    OutputExistsError
        If `out` holds something and `overwrite` is False.
    FileFormatError, OntologyError
        If an input cannot be read, or contradicts the ontology.
    DataError
        If ids repeat, a structure contradicts its sequence, a split leaks, or nothing is left.
    """
    refuse_existing(out, overwrite=overwrite)
    if options.cluster_identity is not None:
        require_clustering(options.cluster_identity)
    knowledge = read_knowledge(options)
    with atomic_folder(out, overwrite=overwrite) as folder:
        with ReportWriter(folder) as report:
            build = _Build(options, knowledge, report, progress)
            writer = build.write(folder)
        extra = {
            "exclusion": None if knowledge.exclusion is None else knowledge.exclusion.summary(),
            "report": file_entry(folder, REPORT, rows=report.rows, inputs=report.summary()),
            "annotation": {**knowledge.account, **build.unused},
            "options": options.model_dump(mode="json"),
            "inputs": describe_inputs(options),
        }
        writer.finish(knowledge.ontology, extra=extra)
    return Corpus.open(out)


class _Build:
    """One pass over structures, then over the sequences that have none."""

    def __init__(
        self,
        options: CorpusBuildOptions,
        knowledge: Knowledge,
        report: ReportWriter,
        progress: Progress | None,
    ) -> None:
        self._options = options
        self._knowledge = knowledge
        self._report = report
        self._progress = progress or _silent
        self._digests: dict[str, bytes] = {}
        self._seen: set[str] = set()
        self._mismatched: dict[str, str] = {}
        self.unused: dict[str, int] = {}

    def write(self, folder: Path) -> CorpusWriter:
        """Read everything and write all shards; the writer is yet to be finished."""
        if self._options.cluster_identity is None:
            with CorpusWriter(folder) as writer:
                self._add_all(writer)
            return writer
        with TemporaryDirectory(dir=folder, prefix=".staging.") as staging:
            with CorpusWriter(Path(staging)) as writer:
                self._add_all(writer)
                writer.finish()
            return _split_by_clusters(Path(staging), folder, self._options)

    def _add_all(self, writer: CorpusWriter) -> None:
        self._assembly = Assembly(self._knowledge, writer, self._report)
        if self._options.structures is not None:
            self._add_structures(self._options.structures)
        if self._options.sequences is not None:
            self._add_sequences(self._options.sequences)
        self.unused = self._assembly.unused()

    def _add_structures(self, folder: Path) -> None:
        paths, others = list_structure_files(folder)
        self._note_sequences({structure_stem(path) for path in paths})
        for path in others:
            self._report.refused(
                "structure",
                path.name,
                None,
                reason="not a structure",
                detail="the file's name has no ending of a structure file",
            )
        files = read_structures(paths, workers=self._options.workers)
        for number, file in enumerate(files, start=1):
            self._add_structure_file(file)
            self._progress("structures", number, len(paths))

    def _note_sequences(self, stems: set[str]) -> None:
        """Remember the sequences that a structure may belong to, to compare them with it."""
        if self._options.sequences is None:
            return
        for record in read_fasta(self._options.sequences):
            # A file of several chains gives ids like stem_A.
            if record.id in stems or record.id.rpartition("_")[0] in stems:
                self._digests[record.id] = sequence_digest(record.sequence)

    def _add_structure_file(self, file: StructureFile) -> None:
        if file.error is not None:
            self._report.refused(
                "structure", file.path.name, None, reason="unreadable", detail=file.error
            )
        for reading in file.readings:
            record = reading.record
            if record.id in self._seen:
                raise DataError(
                    f"{file.path}: a chain with id {record.id} came from another file already; "
                    "rename one of the files"
                )
            self._seen.add(record.id)
            if self._digests.get(record.id) not in (None, sequence_digest(record.sequence)):
                self._refuse_mismatch(record, file.path)
            else:
                account = reading.account.to_json()
                self._assembly.add(record, "structure", file.path.name, account=account)

    def _refuse_mismatch(self, record: ProteinRecord, path: Path) -> None:
        if self._options.on_mismatch == "error":
            raise DataError(
                f"record {record.id}: {path} and {self._options.sequences} differ: "
                f"{_difference(record, self._options.sequences)}; correct one of them, or leave "
                "such proteins out with --on-mismatch refuse"
            )
        detail = f"{path.name} and the FASTA record have different sequences"
        self._mismatched[record.id] = detail
        self._report.refused("structure", path.name, record.id, reason="mismatch", detail=detail)

    def _add_sequences(self, path: Path) -> None:
        for number, record in enumerate(read_fasta(path), start=1):
            if record.id in self._mismatched:
                detail = self._mismatched[record.id]
                self._report.refused(
                    "sequence", path.name, record.id, reason="mismatch", detail=detail
                )
            elif record.id in self._seen:
                self._report.kept("sequence", path.name, record.id, detail="joined to a structure")
            else:
                self._assembly.add(record, "sequence", path.name)
            self._progress("sequences", number, None)


def _difference(record: ProteinRecord, path: Path | None) -> str:
    """Where the structure's sequence and that of the same id in the FASTA file part."""
    if path is not None:
        for other in read_fasta(path):
            if other.id == record.id:
                pairs = enumerate(zip(record.sequence, other.sequence, strict=False), start=1)
                for position, (ours, theirs) in pairs:
                    if ours != theirs:
                        return f"residue {position} is {ours} in the structure, {theirs} in FASTA"
                return f"{len(record)} residues in the structure, {len(other)} in FASTA"
    return f"{len(record)} residues in the structure"


def _split_by_clusters(staging: Path, folder: Path, options: CorpusBuildOptions) -> CorpusWriter:
    """Copy the staged records into `folder` with the splits of their clusters."""
    corpus = Corpus.open(staging, cache_bytes=_NO_LARGE_CACHE)
    bare = (
        ProteinRecord(id=protein, sequence=sequence)
        for protein, sequence in corpus.columns("id", "sequence")
    )
    identity = options.cluster_identity or 1.0
    clusters = cluster_sequences(bare, identity, threads=max(1, options.workers))
    splits: Mapping[str, str] = assign_splits(
        clusters,
        valid_share=options.valid_share,
        test_share=options.test_share,
        seed=options.split_seed,
    )
    leaks = LeakGuard()
    with CorpusWriter(folder) as writer:
        for row in range(len(corpus)):
            (record,) = corpus.read([row])
            leaks.check(record.id, record.sequence, splits[record.id])
            writer.add(record, splits[record.id], clusters[record.id])
    return writer


def _silent(stage: str, done: int, total: int | None) -> None:
    """No progress is wanted."""
