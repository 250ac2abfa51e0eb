"""Losses by which a student learns from teachers, one file each. Importing this imports no torch.

All have the protein's vector or residue tokens of a student on one side, and what teachers made of
the same proteins (`ProteinBatch.taught`) on the other. `base` says how widths, teachers and
processes come together; `weighting` and `selector` how much each teacher counts.
"""
