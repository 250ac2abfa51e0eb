"""A saved model: one folder, safetensors, no pickle."""
