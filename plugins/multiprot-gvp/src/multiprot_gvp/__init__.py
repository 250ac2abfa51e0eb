"""GVP-GNN: a structure encoder of multiprot with scalar and vector features per residue."""
