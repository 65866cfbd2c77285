"""Properties of the importer."""
