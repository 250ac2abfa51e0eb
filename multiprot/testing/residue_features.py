"""Features travel: to loader workers, to other devices; and they survive being used."""

from __future__ import annotations

from unittest import SkipTest

import torch

from multiprot.encoders.contract import Features, Layout
from multiprot.testing.belongings import left_behind, parameters_inside, travelled
from multiprot.testing.demand import demand, demand_same
from multiprot.testing.residue_trial import ResidueTrial

_META = torch.device("meta")


class FeatureTests(ResidueTrial):
    """The featurizer and what it makes."""

    def test_featurizer_travels_to_workers(self) -> None:
        """Pickled and unpickled, it makes the same features; it takes no parameters along."""
        encoder = self.encoder()
        owned = parameters_inside(encoder.featurizer)
        demand(
            not owned,
            f"the featurizer holds {', '.join(owned)}",
            "a featurizer runs in loader workers and owns no parameters: keep lookup tables as "
            "arrays and the learning in the encoder",
        )
        try:
            copy = travelled(encoder.featurizer)
        except Exception as error:
            raise AssertionError(
                f"the featurizer cannot be pickled: {type(error).__name__}: {error}\n  To mend it: "
                "make it a class or function at the top of a module; no lambda, no open file"
            ) from error
        with torch.no_grad():
            tokens = self.run(encoder, copy(self.records, Layout.PADDED), self.records)
        demand_same(
            tokens.values,
            self.padded(encoder, self.records).values,
            "a pickled featurizer makes other features",
            "keep all that it needs in attributes that pickle carries",
        )

    def test_features_move(self) -> None:
        """Moved to another device, no tensor of features or encoder stays behind."""
        encoder = self.encoder()
        features = encoder.featurizer(self.records, Layout.PADDED)
        demand(
            isinstance(features, Features),
            f"{type(features).__name__} has no to() and pin_memory()",
            "features implement multiprot.encoders.contract.Features",
        )
        stayed = left_behind(features.to(_META, non_blocking=True))
        demand(
            not stayed,
            f"features.to(device) leaves behind: {', '.join(stayed)}",
            "move every tensor in to() and pin_memory(), or keep what never moves as an array",
        )
        stayed = left_behind(self.encoder().to(_META))
        demand(
            not stayed,
            f"encoder.to(device) leaves behind: {', '.join(stayed)}",
            "register tensors with register_buffer, modules in a ModuleList or ModuleDict",
        )

    def test_runs_on_the_accelerator(self) -> None:
        """Where there is a GPU, its tokens agree with the CPU's to 1e-2 of the largest."""
        if not torch.cuda.is_available():
            raise SkipTest("no CUDA device here")
        encoder = self.encoder()
        wanted = self.padded(encoder, self.records).values
        device = torch.device("cuda")
        with torch.no_grad():
            features = encoder.featurizer(self.records, Layout.PADDED).to(device)
            found = self.run(encoder.to(device), features, self.records).values.cpu()
        demand(
            float((found - wanted).abs().max()) <= 1e-2 * float(wanted.abs().max()),
            "tokens on the GPU differ from those on the CPU",
            "make no tensor in forward without device=",
        )

    def test_features_can_be_used_twice(self) -> None:
        """A forward pass leaves its features as they were."""
        encoder = self.encoder()
        features = encoder.featurizer(self.records, Layout.PADDED)
        with torch.no_grad():
            first, second = (self.run(encoder, features, self.records).values for _ in range(2))
        demand_same(
            first,
            second,
            "the same features gave other tokens the second time",
            "change no tensor of the features in place; several objectives look at one batch",
        )
