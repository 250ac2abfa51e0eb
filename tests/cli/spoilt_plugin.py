"""A GO encoder that claims to be frozen and learns."""

from tests.testing.faults import GO, claiming

spoilt = claiming(GO, trainable=False)
