"""The pure parts of the database layer."""
