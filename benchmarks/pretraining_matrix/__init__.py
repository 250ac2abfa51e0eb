"""Many ways to pretrain, one small budget each, judged on the same tasks. May be resumed.

A study (`massa_ablation`, `steps_modes`) says what is compared; what all studies share stands here.
"""
