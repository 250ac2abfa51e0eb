"""MTDP's downstream protocol on our data, and a sound one beside it."""
