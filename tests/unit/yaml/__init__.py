"""Rules of safe YAML loading."""
