"""The sync engine: pure rules, and the pipeline on a fake cluster."""
