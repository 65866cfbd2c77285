"""The registry's format at its bounds: large files, many documents, many placements."""
