"""What must hold of any encoder that makes residue tokens; the parts lie in files of their own."""

from __future__ import annotations

from multiprot.testing.residue_batches import BatchTests
from multiprot.testing.residue_capabilities import CapabilityTests
from multiprot.testing.residue_features import FeatureTests
from multiprot.testing.residue_learning import LearningTests


class ResidueEncoderSuite(BatchTests, FeatureTests, CapabilityTests, LearningTests):
    """Base of the sequence and the structure suite."""
