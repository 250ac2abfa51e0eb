"""Residue tokens of frozen encoders on disk, so that each protein is encoded once and no more.

::

    CACHE/sequence-esm2-0f3a…/     one folder per encoder: plugin, version, options, weights, dtype
        manifest.json              what it was computed with, written first
        tokens-91bc….safetensors   a shard: tokens, masks, and which proteins they are of
        corpus-77d0….json          a corpus whose proteins were all found in these shards

There is no index beside the shards that could contradict them. Each shard names its proteins
itself, by a hash of what the encoder saw of them, and it takes its name, which follows from these
hashes, only when it is whole. Whatever kills a process, the finished shards are the index.
"""
