"""The README.md of an exported student: three lines of use, and how far it is from its source."""

from __future__ import annotations

from typing import Final

from multiprot.export.parity import Parity
from multiprot.export.source import ExportSource

_TRANSFORMERS: Final = """\
from transformers import AutoModel, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModel.from_pretrained(".").eval()
batch = tokenizer(["MKTAYIAKQR", "ACD"], padding=True, return_tensors="pt")
tokens, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
vectors = (tokens * mask).sum(1) / mask.sum(1)  # one per protein
"""

_ONNX: Final = """\
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.enable_padding(pad_id=27, pad_token="<pad>")
batch = tokenizer.encode_batch(["MKTAYIAKQR", "ACD"])
session = onnxruntime.InferenceSession("model.onnx")
tokens, vectors = session.run(None, {
    "input_ids": [each.ids for each in batch],
    "attention_mask": [each.attention_mask for each in batch],
})
"""

_NEEDS: Final = {
    "transformers": "transformers 4.48 or newer. It is a ModernBERT; no code comes with it",
    "onnx": "onnxruntime; tokenizers for the tokenizer",
    "onnx-int8": "onnxruntime; tokenizers for the tokenizer. Its matrices are INT8, for CPUs",
}


def card_of(source: ExportSource, to: str, parity: Parity) -> str:
    """Markdown.

    Parameters
    ----------
    source
        The student.
    to
        What it was exported to.
    parity
        How far it is from the student.
    """
    code = _TRANSFORMERS if to == "transformers" else _ONNX
    licence = f"license: {source.weights_license.lower()}\n" if source.weights_license else ""
    library = f"library_name: {to.partition('-')[0]}\n"
    return f"""\
---
{library}{licence}tags: [protein, embedding]
---
# {source.name}, exported by multiprot

Protein sequences to vectors: {source.config.width} numbers per residue and per protein.
A protein's vector is the mean of its residues'. One token per residue, nothing before or behind a
protein. Letters are the twenty amino acids and X, B, Z, J, U and O; another letter is an error.
Needs {_NEEDS[to]}.

```python
{code}```

Compared with the student on {parity.proteins} proteins of 1 to 333 residues, padded together and
alone: residue tokens differ by at most {parity.tokens:.2g}, protein vectors by
{parity.vectors:.2g}; lowest cosine of a protein's two vectors
{parity.lowest_cosine:.6f}, with the mean vector taken off {parity.lowest_centred_cosine:.6f}.
`export.json` has this, the student's hash
({source.content_hash[:12]}…) and the versions of all libraries.
"""
