"""The plugin boundary: contract, registry and three small reference encoders."""
