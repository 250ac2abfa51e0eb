"""Every flag of `Capabilities` is true, and what is possible is claimed."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from multiprot.encoders.contract import Layout
from multiprot.errors import DataError, PluginError
from multiprot.testing.demand import demand, refusal
from multiprot.testing.network import no_network
from multiprot.testing.records import LONG, long_record, protein
from multiprot.testing.residue_trial import PRECISIONS, ResidueTrial, relative_change

_NEAR = 0.1
"""Largest relative change that a lower precision may make."""


class CapabilityTests(ResidueTrial):
    """Flags that concern sequence and structure encoders alike."""

    def test_length_limit(self) -> None:
        """A protein of `max_residues` is taken, a longer one raises and is named; none is cut."""
        limit, featurize = self.capabilities.max_residues, self.encoder().featurizer
        rng = np.random.default_rng(0)
        if limit is None:
            _, mask = self.one(self.encoder(), long_record())
            demand(mask.any(), f"a protein of {LONG} residues has no token", "state max_residues")
            return
        demand(
            limit <= 5000,
            f"tiny_config takes {limit} residues, too many to try",
            "give tiny_config a smaller limit",
        )
        self.one(self.encoder(), protein(rng, "fits", limit))
        problem = f"a protein of {limit + 1} residues, one more than max_residues"
        mend = (
            "the featurizer raises DataError, naming the record, its length and the limit; the "
            "data layer crops or windows, an encoder never truncates"
        )
        longer = [protein(rng, "fits", 1), protein(rng, "longer", limit + 1)]
        for layout in Layout if self.capabilities.packs else (Layout.PADDED,):
            call = partial(featurize, longer, layout)
            message = refusal(DataError, call, problem, mend)
            demand("longer" in message and str(limit) in message, f"{problem}: {message}", mend)

    def test_packing_as_claimed(self) -> None:
        """Without `packs` the packed layout is refused; with it, it works."""
        encoder = self.encoder()
        if self.capabilities.packs:
            self.packed(encoder, self.records)
            return
        refusal(
            PluginError,
            lambda: self.run(
                encoder, encoder.featurizer(self.records, Layout.PACKED), self.records
            ),
            "packs=False, yet Layout.PACKED",
            "raise PluginError for Layout.PACKED, or say packs=True if it works",
        )

    def test_claimed_precisions(self) -> None:
        """In every precision it claims, tokens are finite, of that type and nearly the same."""
        claimed = self.capabilities.precisions
        demand("fp32" in claimed, "fp32 is not claimed", "every encoder works in fp32: claim it")
        exact = self.padded(self.encoder(), self.records)
        for precision in sorted(claimed & set(PRECISIONS)):
            dtype = PRECISIONS[precision]
            mend = f"keep sensitive parts in float32, or do not claim {precision}"
            tokens = self.padded(self.encoder().to(dtype), self.records)
            demand(
                tokens.values.dtype == dtype,
                f"with {precision} parameters, values are {tokens.values.dtype}",
                "return tokens in the type of the parameters",
            )
            apart = relative_change(tokens.values, exact.values)
            # NaN compares False and so fails.
            demand(apart < _NEAR, f"{precision} tokens are {apart:.1e} off", mend)
            demand(torch.equal(tokens.mask, exact.mask), f"{precision} changes the mask", mend)

    def test_autocast(self) -> None:
        """Where bf16 is claimed, float32 weights under autocast give nearly the same."""
        if "bf16" not in self.capabilities.precisions:
            return
        encoder = self.encoder()
        exact = self.padded(encoder, self.records)
        with torch.autocast("cpu", torch.bfloat16):
            tokens = self.padded(encoder, self.records)
        apart = relative_change(tokens.values, exact.values)
        mend = "cast what must stay exact to float32 inside forward, or do not claim bf16"
        demand(apart < _NEAR, f"tokens under bf16 autocast are {apart:.1e} off", mend)
        demand(torch.equal(tokens.mask, exact.mask), "autocast changes the mask", mend)

    def test_network(self) -> None:
        """It is built without the network unless it says `downloads_weights`."""
        with no_network() as tried:
            if self.capabilities.downloads_weights:
                try:
                    self.encoder()
                except Exception:
                    demand(
                        tried,
                        "downloads_weights=True, yet it fails without trying the network",
                        "build it from what is on the machine, and say downloads_weights=False",
                    )
                demand(
                    tried,
                    "downloads_weights=True, yet it was built without the network",
                    "say downloads_weights=False",
                )
                return
            try:
                self.encoder()
            except Exception as error:
                demand(tried, f"it cannot be built: {error}", "see the error")
        demand(
            not tried,
            f"building it reaches for the network: {', '.join(tried)}",
            "read weights from a local path the user gives, or say downloads_weights=True",
        )

    def test_licence_is_spdx(self) -> None:
        """The weights' licence is an SPDX expression."""
        licence = self.capabilities.weights_license
        if licence is None:
            return
        try:
            canonicalize_license_expression(licence)
        except InvalidLicenseExpression as error:
            raise AssertionError(
                f"weights_license {licence!r}: {error}\n  To mend it: use an SPDX id, for example "
                "MIT, or LicenseRef-NAME for one that SPDX does not list"
            ) from error
