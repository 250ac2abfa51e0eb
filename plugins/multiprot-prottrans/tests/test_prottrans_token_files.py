"""Which file is read, what is added to it, and which token stands for a letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from multiprot.errors import PluginError
from multiprot.proteins import AMINO_ACIDS, RESIDUE_LETTERS
from multiprot_prottrans.family import ANKH, PROTBERT, PROTBERT_TOKENS, PROTT5, Family
from multiprot_prottrans.token_files import Tokens, read_tokens
from multiprot_prottrans.vocabulary import Vocabulary

SPECIAL = ("<pad>", "</s>", "<unk>", "<extra_id_0>")


def numbered(*tokens: str) -> Tokens:
    return {token: number for number, token in enumerate(tokens)}


def write_tokenizer(folder: Path, vocabulary: object, **added: int) -> None:
    told = {
        "model": {"vocab": vocabulary},
        "added_tokens": [{"id": number, "content": token} for token, number in added.items()],
    }
    (folder / "tokenizer.json").write_text(json.dumps(told))


def letters(tokens: Tokens, family: Family) -> dict[str, str]:
    """The token that stands for each letter."""
    found = Vocabulary.of(tokens, family, None, "test").letters
    named = {number: token for token, number in tokens.items()}
    return {letter: named[i] for letter, i in zip(RESIDUE_LETTERS, found, strict=True)}


def test_sentinels_follow_the_pieces_in_falling_order(make: Any) -> None:
    tokens = read_tokens(make("prott5").folder, "t5", "test")
    assert len(tokens) == 128
    assert (tokens["<extra_id_99>"], tokens["<extra_id_0>"]) == (28, 127)
    assert sorted(tokens.values()) == list(range(128))


def test_settings_beside_the_pieces_say_how_many_sentinels(make: Any) -> None:
    folder = make("prott5").folder
    (folder / "tokenizer_config.json").write_text(json.dumps({"extra_ids": 5}))
    tokens = read_tokens(folder, "t5", "test")
    assert (tokens["<extra_id_4>"], tokens["<extra_id_0>"], len(tokens)) == (28, 32, 33)


def test_added_tokens_stand_where_the_files_say(make: Any) -> None:
    """Two versions of transformers, two files; the ids in them are taken as they are."""
    folder = make("prott5").folder
    decoder = {"140": {"content": "<AA2fold>"}, "141": {"content": "<extra_id_0>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": decoder}))
    (folder / "added_tokens.json").write_text(json.dumps({"<fold2AA>": 148}))
    tokens = read_tokens(folder, "t5", "test")
    assert [tokens[t] for t in ("<AA2fold>", "<fold2AA>", "<extra_id_0>")] == [140, 148, 141]
    assert Vocabulary.of(tokens, PROTT5, None, "test").begin == 140


def test_the_released_file_goes_before_tokenizer_json(make: Any) -> None:
    for kind in ("prott5", "protbert"):
        folder = make(kind).folder
        write_tokenizer(folder, {"A": 0})
        assert len(read_tokens(folder, "bert" if kind == "protbert" else "t5", "test")) > 1


@pytest.mark.parametrize("pairs", [True, False])
def test_tokenizer_json_of_either_form(tmp_path: Path, pairs: bool) -> None:
    """Unigram lists pairs of piece and score, WordLevel and WordPiece an object."""
    vocabulary: object = [["A", -1.0], ["L", -2.0]] if pairs else {"A": 0, "L": 1}
    write_tokenizer(tmp_path, vocabulary, **{"</s>": 7})
    assert read_tokens(tmp_path, "t5", "test") == {"A": 0, "L": 1, "</s>": 7}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_end_as_they_like(tmp_path: Path, ending: str) -> None:
    (tmp_path / "vocab.txt").write_bytes(ending.join(PROTBERT_TOKENS).encode())
    assert read_tokens(tmp_path, "bert", "test") == numbered(*PROTBERT_TOKENS)


def test_rare_letters_are_what_each_familys_authors_made_of_them() -> None:
    plain = numbered(*SPECIAL, *AMINO_ACIDS, *"XBZUO")
    assert {a: b for a, b in letters(plain, ANKH).items() if a != b} == {"J": "X"}
    bert = letters(numbered(*PROTBERT_TOKENS), PROTBERT)
    assert {a: b for a, b in bert.items() if a != b} == dict.fromkeys("BZJUO", "X")


def test_a_letter_without_a_token_is_shown_as_any_residue() -> None:
    few = numbered(*SPECIAL, *AMINO_ACIDS, "X", "U")
    assert {a: b for a, b in letters(few, ANKH).items() if a != b} == dict.fromkeys("BZJO", "X")


def test_a_word_of_its_own_goes_before_a_bare_letter() -> None:
    """With spaces between the letters, SentencePiece makes ▁A of every A."""
    both = numbered(*SPECIAL, *AMINO_ACIDS, *(f"▁{letter}" for letter in RESIDUE_LETTERS), "X")
    assert all(token.startswith("▁") for token in letters(both, PROTT5).values())


@pytest.mark.parametrize("missing", ["W", "X", "</s>", "<pad>", "<extra_id_0>"])
def test_a_token_that_cannot_be_done_without_is_named(missing: str) -> None:
    tokens = numbered(*(t for t in (*SPECIAL, *AMINO_ACIDS, "X") if t != missing))
    with pytest.raises(PluginError, match=f"ankh: here has no token '{missing}' among its 24"):
        Vocabulary.of(tokens, ANKH, None, "here")
