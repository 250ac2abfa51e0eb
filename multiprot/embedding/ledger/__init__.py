"""Exactly once: inputs in shards, each finished one recorded, a ledger row for every input."""
