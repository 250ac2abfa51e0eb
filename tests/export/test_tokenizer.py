"""The tokenizer reads what multiprot's FASTA reader reads, and refuses what that refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import ExportError
from multiprot.export import transformers_checkpoint as checkpoint
from multiprot.export.tokenizer import PAD_TOKEN, VOCABULARY, write_tokenizer
from multiprot.proteins import RESIDUE_LETTERS, residue_indices

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@given(sequence=st.text(RESIDUE_LETTERS, min_size=1, max_size=80))
def test_one_token_per_residue_and_nothing_else(tokenizer: Any, sequence: str) -> None:
    assert tokenizer.encode(sequence).ids == residue_indices(sequence).tolist()


@pytest.mark.parametrize("text", ["acdx", "A C\nD\tX", "ACDX*", " acdX*"])
def test_it_tidies_as_the_fasta_reader_does(tokenizer: Any, text: str) -> None:
    assert tokenizer.encode(text).ids == residue_indices("ACDX").tolist()


@pytest.mark.parametrize("text", ["AC-D", "AC*D", "A1", "Ä", "ß", "A<unk>C", "."])
def test_what_no_record_takes_is_an_error(tokenizer: Any, text: str) -> None:
    with pytest.raises(Exception, match="Missing"):
        tokenizer.encode(text)


def test_special_tokens_are_there_and_never_added(tokenizer: Any) -> None:
    assert tokenizer.encode("A<mask>C").ids == [0, VOCABULARY["<mask>"], 1]
    assert sorted(VOCABULARY.values()) == list(range(PAD_TOKEN + 1))


def test_transformers_must_read_it_alike(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    write_tokenizer(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "modernbert"}')
    checkpoint.check_tokenizer(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace('"A": 0', '"A": 1').replace('"C": 1', '"C": 0'))
    with pytest.raises(ExportError, match="makes other ids of"):
        checkpoint.check_tokenizer(tmp_path)
