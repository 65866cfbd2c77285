"""The API on real databases."""
