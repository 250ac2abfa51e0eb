"""What a teacher was trained to read of structure off its tokens."""

from __future__ import annotations

from torch import Tensor

from multiprot.bundle import format as layout
from multiprot.bundle import load_bundle
from multiprot.objectives.distillation.structure_heads import PARTS
from multiprot.training.teachers.config import TeacherConfig


def structure_heads(config: TeacherConfig) -> dict[str, Tensor]:
    """Weights of a teacher's heads, by objective and name in the head, as `TeacherFacts.heads`.

    Empty where it teaches no tokens, its model is not at hand or no bundle, or was not trained to
    tell structure. Angles that were learnt as STEPS released it, without a distribution, are left
    out.

    Raises
    ------
    BundleError
        If the bundle is not whole.
    """
    if not config.residues or config.model is None or not layout.BUNDLE.is_in(config.model):
        return {}
    bundle = load_bundle(config.model)
    legacy = {
        section.name
        for section in bundle.settings.objectives
        if section.name == "dihedral" and section.options.get("legacy")
    }
    found = {}
    for name, tensor in bundle.head_tensors().items():
        objective, _, rest = name.partition(".head.")
        if rest and objective in PARTS and objective not in legacy:
            found[f"{objective}.{rest}"] = tensor
    return found
