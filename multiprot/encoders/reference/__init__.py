"""Three small encoders that need nothing but torch: one per modality."""
