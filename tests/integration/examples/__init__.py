"""Applications of typical shapes, synced on a real cluster."""
