"""Writes what workers did into SQL, through ``common.store``."""
