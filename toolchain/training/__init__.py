"""Training: settings, stages, methods, batches, the loop, checkpoints."""
