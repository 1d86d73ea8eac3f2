"""The deletion log: append-only, each entry chained to the last, sealed by signed checkpoints."""
