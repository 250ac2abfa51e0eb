"""The model's tensors in a bundle: one file, or two where adapters learnt beside a frozen base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from multiprot.bundle.format import ADAPTERS, MODEL
from multiprot.encoders.tensor_files import fill_module, load_tensors, save_tensors
from multiprot.errors import BundleError

if TYPE_CHECKING:
    from multiprot.fusion import FusionModel

_MAY_ADAPT: Final = ("sequence", "structure")


def adapter_names(model: FusionModel) -> frozenset[str]:
    """Entries of the model's state that are adapters, as its encoders name them.

    Raises
    ------
    BundleError
        If an encoder names an entry that it does not have.
    """
    names = set()
    for place in _MAY_ADAPT:
        encoder = getattr(model, place)
        if encoder is not None:
            names |= {f"{place}.{name}" for name in encoder.adapter_names}
    unknown = sorted(names - set(model.state_dict()))
    if unknown:
        raise BundleError(
            f"{unknown[0]}: is named as an adapter, but the model has no such tensor; an encoder's "
            "adapter_names must be entries of its state_dict"
        )
    return frozenset(names)


def save_model(model: FusionModel, folder: Path) -> Path | None:
    """Write model.safetensors and, where there are adapters, adapters.safetensors.

    Returns
    -------
    Path or None
        The file of the adapters, if there is one.
    """
    names = adapter_names(model)
    state = model.state_dict()
    save_tensors({n: t for n, t in state.items() if n not in names}, folder / MODEL)
    if not names:
        return None
    save_tensors({n: t for n, t in state.items() if n in names}, folder / ADAPTERS)
    return folder / ADAPTERS


def load_model(model: FusionModel, base: Path, adapters: Path | None) -> None:
    """Fill `model` with the tensors of one or two files; each tensor must be there, once.

    Raises
    ------
    BundleError
        Naming the first tensor that is missing, surplus, of another shape or type, in both files,
        or in the file of adapters without being one.
    """
    tensors, _ = load_tensors(base)
    if adapters is not None:
        learnt, _ = load_tensors(adapters)
        foreign = sorted(set(learnt) - adapter_names(model))
        if foreign:
            raise BundleError(
                f"{adapters}: holds the tensor {foreign[0]}, which is no adapter of the model that "
                "config.yaml describes; the bundle and the plugins do not belong together"
            )
        twice = sorted(set(learnt) & set(tensors))
        if twice:
            raise BundleError(f"{adapters}: the tensor {twice[0]} is in {base.name}, too")
        tensors |= learnt
    fill_module(model, tensors, base)
