"""The corpus of a run: opened, or generated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from multiprot.data import Corpus, SyntheticOptions, make_synthetic_corpus
from multiprot.errors import TrainingError
from multiprot.training.config import CorpusConfig
from multiprot.training.processes import is_main_process, wait_for


def open_corpus(config: CorpusConfig, generated: Path) -> Corpus:
    """The corpus that the recipe names, or the one it describes, generated at `generated`."""
    if config.path is not None:
        return Corpus.open(config.path)
    if config.synthetic is None:
        raise TrainingError("corpus: neither path nor synthetic is given")
    if generated.exists():
        return Corpus.open(generated)
    if not is_main_process():
        wait_for(generated)
        return Corpus.open(generated)
    options = SyntheticOptions(**config.synthetic.model_dump())
    return make_synthetic_corpus(generated, options=options)


@contextmanager
def corpus_before_the_run(config: CorpusConfig) -> Iterator[Corpus]:
    """The recipe's corpus; one that is to be generated is generated for as long as it is needed.

    The run generates its own later, with the same proteins. What is made of them ahead is filed by
    protein and found again.
    """
    with TemporaryDirectory(prefix="multiprot-corpus-") as scratch:
        yield open_corpus(config, Path(scratch) / "corpus")
