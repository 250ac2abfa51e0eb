"""ProtT5, ProstT5, ProtBert and Ankh as sequence encoders of multiprot, through transformers."""
