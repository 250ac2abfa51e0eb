"""multiprot's suite on the encoder; add tests of what yours is meant to see."""

from __future__ import annotations

from multiprot_template_encoder.plugin import TemplateEncoderOptions, template_encoder

from multiprot.testing import SequenceEncoderSuite


class TestTemplateEncoder(SequenceEncoderSuite):
    plugin = template_encoder

    def tiny_config(self) -> TemplateEncoderOptions:
        return TemplateEncoderOptions(width=16)
