"""STEPS' training step beside a plain one, organised as the released code."""
