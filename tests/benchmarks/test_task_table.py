"""The table of tasks says what the results say."""

from __future__ import annotations

from typing import Any

from benchmarks.task_table import cells, duel, merged, published, table


def score(task: str, model: str, value: float, **more: Any) -> dict[str, Any]:
    told = {"task": task, "model": model, "split": "test", "primary": True}
    return told | {"value": value, "low": value - 0.1, "high": value + 0.1} | more


FROZEN = {"what": "frozen embedding + small head", "values": {"ESM2_8M": 0.75}}
TUNED = {"what": "fine-tuned", "values": {"ESM2_8M": 0.76}}
RESULTS = {
    "tasks": {
        "one": {"primary_metric": "accuracy", "reference": [TUNED, FROZEN]},
        "two": {"primary_metric": "spearman", "reference": [{"values": {"ESM2_8M": 0.1}}]},
        "three": {"primary_metric": "spearman", "reference": []},
    },
    "scores": [
        score("one", "mini", 0.8),
        score("one", "random", 0.5),
        score("one", "mini", 0.1, split="test_hard"),
        score("one", "mini", 0.2, primary=False),
        score("two", "mini", 0.35),
        score("two", "random", 0.3),
        score("three", "mini", 0.1),
        score("three", "random", 0.9),
    ],
}


def test_only_the_primary_metric_on_the_test_split_counts() -> None:
    assert cells(RESULTS)["one"]["mini"].value == 0.8


def test_of_a_task_in_several_results_the_last_counts() -> None:
    again = {"tasks": {"two": RESULTS["tasks"]["two"]}, "scores": [score("two", "mini", 0.5)]}
    found = cells(merged([RESULTS, again]))
    assert found["two"] == {"mini": (0.5, 0.4, 0.6)}
    assert found["one"] == cells(RESULTS)["one"]


def test_frozen_figures_are_taken_and_no_others() -> None:
    found = {name: published(task) for name, task in RESULTS["tasks"].items()}
    assert found == {"one": 0.75, "two": None, "three": None}


def test_rows_are_tasks() -> None:
    lines = table(RESULTS, ["mini", "random"])
    assert lines[0] == "| task | metric | mini | random | ESM-2 8M, published |"
    assert "| one | accuracy | 0.800 [0.700, 0.900] | 0.500 [0.400, 0.600] | 0.750 |" in lines
    assert len({line.count("|") for line in lines}) == 1


def test_a_duel_counts_wins_and_what_is_beyond_doubt() -> None:
    said = duel(RESULTS, "mini", "random", ())
    assert said.startswith("mini beats random on 2 of 3 tasks (67%), on 1 beyond doubt")
    assert said.endswith("random beats it beyond doubt on 1")
    assert "on 2 of 2 tasks (100%)" in duel(RESULTS, "mini", "random", ("three",))
