"""Every built-in objective on the suite."""

from __future__ import annotations

from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.objectives import plugins
from multiprot.objectives.distillation import plugins as distillation
from multiprot.testing import ObjectiveSuite


class TestMaskedResidue(ObjectiveSuite):
    plugin = plugins.masked_residue


class TestGoContrast(ObjectiveSuite):
    plugin = plugins.go_contrast


class TestGoAnnotation(ObjectiveSuite):
    plugin = plugins.go_annotation


class TestTokenAlignment(ObjectiveSuite):
    plugin = plugins.token_alignment


class TestMutualInformation(ObjectiveSuite):
    plugin = plugins.mutual_information


class TestMaskedGo(ObjectiveSuite):
    plugin = plugins.masked_go


class TestMotifTagging(ObjectiveSuite):
    plugin = plugins.motif_tagging


class TestDomainTagging(ObjectiveSuite):
    plugin = plugins.domain_tagging


class TestRegionTagging(ObjectiveSuite):
    plugin = plugins.region_tagging


class TestPairwiseDistance(ObjectiveSuite):
    plugin = plugins.pairwise_distance


class TestDihedral(ObjectiveSuite):
    plugin = plugins.dihedral


class TestFoldState(ObjectiveSuite):
    plugin = plugins.fold_state


class TestDistillKl(ObjectiveSuite):
    plugin = distillation.distill_kl


class TestDistillCosine(ObjectiveSuite):
    plugin = distillation.distill_cosine


class TestDistillHuber(ObjectiveSuite):
    plugin = distillation.distill_huber


class TestDistillRelations(ObjectiveSuite):
    plugin = distillation.distill_relations


class TestDistillNeighbours(ObjectiveSuite):
    plugin = distillation.distill_neighbours


class TestDistillTokens(ObjectiveSuite):
    plugin = distillation.distill_tokens


class TestDistillGo(ObjectiveSuite):
    plugin = distillation.distill_go


class TestDistillStructure(ObjectiveSuite):
    plugin = distillation.distill_structure


def test_every_objective_has_an_entry_point_of_its_name() -> None:
    from importlib.metadata import entry_points

    points = {p.name: p.load() for p in entry_points(group="multiprot.objectives")}
    for each in (*vars(plugins).values(), *vars(distillation).values()):
        if isinstance(each, ObjectivePlugin):
            assert points[each.name] is each
