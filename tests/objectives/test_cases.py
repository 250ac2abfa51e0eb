"""Every built-in objective on the shared test case."""

from __future__ import annotations

from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives import plugins
from tests.objectives.case import ObjectiveCase


class TestMaskedResidue(ObjectiveCase):
    plugin = plugins.masked_residue


class TestGoContrast(ObjectiveCase):
    plugin = plugins.go_contrast


class TestGoAnnotation(ObjectiveCase):
    plugin = plugins.go_annotation


class TestTokenAlignment(ObjectiveCase):
    plugin = plugins.token_alignment


def test_every_objective_has_a_case() -> None:
    declared = {each.name for each in vars(plugins).values() if isinstance(each, ObjectivePlugin)}
    tested = {case.plugin.name for case in ObjectiveCase.__subclasses__()}
    assert declared == tested


def test_every_objective_has_an_entry_point_of_its_name() -> None:
    from importlib.metadata import entry_points

    points = {p.name: p.load() for p in entry_points(group="multiprot.objectives")}
    for each in vars(plugins).values():
        if isinstance(each, ObjectivePlugin):
            assert points[each.name] is each
