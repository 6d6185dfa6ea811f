"""Fine-tuning of checkpoints: the same recipe for every model, resumable, with optional distillation."""
