"""The tokenizer of an exported student: one token per residue letter and nothing around them."""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase
from typing import Final

from multiprot.encoders.reference.letters import LETTERS, MASK
from multiprot.export.libraries import export_library
from multiprot.proteins import RESIDUE_LETTERS

PAD_TOKEN: Final = LETTERS
"""Id of padding; a student itself has none, since it packs."""

VOCABULARY: Final = {
    **{letter: index for index, letter in enumerate(RESIDUE_LETTERS)},
    "<mask>": MASK,
    "<pad>": PAD_TOKEN,
}
"""Token to id; a residue letter's is its position in `RESIDUE_LETTERS`."""

_CONFIG: Final = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
    "padding_side": "right",
    "model_input_names": ["input_ids", "attention_mask"],
    "clean_up_tokenization_spaces": False,
}


def write_tokenizer(folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json.

    It reads sequences as multiprot's FASTA reader does: lower case is upper case, white space and
    one "*" at the end go. A letter that no `ProteinRecord` takes is an error and no unknown token.

    Raises
    ------
    ExportError
        If the library tokenizers is not installed.
    """
    library = export_library("tokenizers", "transformers")
    made = library.Tokenizer(library.models.WordLevel(VOCABULARY))
    tidied = [
        library.normalizers.Replace(library.Regex(r"\s"), ""),
        library.normalizers.Replace(library.Regex(r"\*$"), ""),
        *(library.normalizers.Replace(each, each.upper()) for each in ascii_lowercase),
    ]
    made.normalizer = library.normalizers.Sequence(tidied)
    made.pre_tokenizer = library.pre_tokenizers.Split("", "isolated")
    made.add_special_tokens(["<mask>", "<pad>"])
    (folder / "tokenizer.json").write_text(made.to_str(pretty=True) + "\n", encoding="utf-8")
    told = json.dumps(_CONFIG, indent=1) + "\n"
    (folder / "tokenizer_config.json").write_text(told, encoding="utf-8")
