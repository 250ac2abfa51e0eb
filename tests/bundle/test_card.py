"""The model card shows everything that is recorded, and says what is not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from multiprot.bundle.card import SECTIONS, render_card

MODEL = {"sequence": {"name": "residue-transformer"}, "structure": None, "go": {"name": "table"}}
WORDS = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.booleans(), st.none(), st.floats(0, 1)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)


def card(**provenance: Any) -> str:
    return render_card(provenance, model=MODEL, versions={"torch": "2.6.0"})


def test_an_empty_provenance_says_so_in_every_section() -> None:
    text = card()
    for _, heading in SECTIONS:
        assert f"## {heading}\n\nNot recorded.\n" in text
    assert "sequence: `residue-transformer`, go: `table`" in text
    assert "- torch: 2.6.0" in text


def test_nested_data_become_nested_lists() -> None:
    text = card(
        name="tiny",
        summary="A small one.",
        exclusions=[{"list": "screen.tsv", "left_out": 3}, "two more by hand"],
        corpus={"proteins": {"train": 10}, "checked": True, "mean": 0.123456},
    )
    assert text.startswith("# tiny\n\nA small one.\n")
    assert "-\n  - list: screen.tsv\n  - left out: 3" in text
    assert "- two more by hand" in text
    assert "- proteins:\n  - train: 10\n- checked: yes\n- mean: 0.1235" in text


def test_rows_of_the_same_fields_become_a_table() -> None:
    metrics = {"loss": {"valid": 1.5, "baseline": None}, "a|b": {"valid": 0.25, "baseline": 0.5}}
    assert (
        "|  | valid | baseline |\n| --- | --- | --- |\n"
        "| loss | 1.5 | none |\n| a\\|b | 0.25 | 0.5 |\n"
    ) in card(metrics=metrics)
    sources = [{"name": "PDB", "licence": "CC0"}, {"name": "GO", "licence": "CC-BY"}]
    assert "| name | licence |\n| --- | --- |\n| PDB | CC0 |" in card(sources=sources)


def test_unknown_keys_are_shown_too() -> None:
    assert "## Energy used\n\n- kwh: 3" in card(energy_used={"kwh": 3})


@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_no_word_of_the_provenance_is_lost(provenance: dict[str, Any]) -> None:
    text = card(**provenance)
    for word in _words(provenance):
        assert word in text


def test_one_line_values_stay_on_one_line() -> None:
    assert "- command: a b c" in card(training={"command": "a\nb\n\n c"})


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for entry in value.values() for word in _words(entry)]
    if isinstance(value, list):
        return [word for entry in value for word in _words(entry)]
    return [value] if isinstance(value, str) else []
