"""What an object carries: tensors, parameters, modules, however deep they lie."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from safetensors.torch import load, save
from torch import Tensor, nn


def travelled(thing: Any) -> Any:
    """`thing` after a journey to another process and back: pickled and unpickled."""
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - made here


def carry_weights(source: nn.Module, target: nn.Module, mend: str) -> None:
    """Fill `target` with the weights of `source` by way of safetensors, as a bundle does."""
    __tracebackhide__ = True
    state = {name: part.contiguous() for name, part in source.state_dict().items()}
    try:
        target.load_state_dict(load(save(state)))
    except Exception as error:
        raise AssertionError(
            f"the weights do not survive safetensors: {error}\n  To mend it: {mend}"
        ) from error


def parameters_inside(thing: Any) -> list[str]:
    """Kinds of modules and parameters that pickling `thing` would take along."""
    found: list[str] = []

    class Visitor(pickle.Pickler):
        def persistent_id(self, obj: Any) -> str | None:
            if isinstance(obj, nn.Module | nn.Parameter):
                found.append(type(obj).__name__)
                return "seen"
            return None

    try:
        Visitor(io.BytesIO()).dump(thing)
    except Exception:  # what cannot be pickled is told by the journey itself
        return found
    return found


def left_behind(thing: Any) -> list[str]:
    """Places of tensors in `thing`, which was moved to the meta device, that are not there."""
    return [
        f"{place} {list(tensor.shape)}"
        for place, tensor in _tensors(thing, type(thing).__name__, set())
        if tensor.device.type != "meta"
    ]


def _tensors(thing: Any, place: str, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Tensor):
        yield place, thing
        return
    for name, part in _parts(thing):
        yield from _tensors(part, f"{place}.{name}", seen)


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    """Named parts of containers, dataclasses, modules and plain objects that hold tensors."""
    if isinstance(thing, Mapping):
        yield from ((str(key), value) for key, value in thing.items())
    elif isinstance(thing, list | tuple | set):
        yield from ((str(number), value) for number, value in enumerate(thing))
    elif is_dataclass(thing) and not isinstance(thing, type):
        yield from ((field.name, getattr(thing, field.name)) for field in fields(thing))
    elif isinstance(thing, nn.Module) or type(thing).__module__.startswith("torch_geometric"):
        # Featurizers work on the CPU and stay there.
        yield from ((name, part) for name, part in vars(thing).items() if name != "featurizer")
    elif hasattr(thing, "to") and hasattr(thing, "__dict__"):
        yield from vars(thing).items()
