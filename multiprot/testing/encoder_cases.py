"""The cases under one roof: subclass one of them per encoder and give `plugin` and `tiny_config`.

.. code-block:: python

    class TestMyEncoder(SequenceEncoderCase):
        plugin = my_encoder

        def tiny_config(self) -> MyConfig:
            return MyConfig(width=16, layers=1)
"""

from multiprot.testing.go_case import GoEncoderCase
from multiprot.testing.residue_case import ResidueEncoderCase
from multiprot.testing.sequence_case import SequenceEncoderCase
from multiprot.testing.structure_case import StructureEncoderCase

__all__ = ["GoEncoderCase", "ResidueEncoderCase", "SequenceEncoderCase", "StructureEncoderCase"]
