"""Writes what runs did into SQL, through ``common.store``; asks no cluster."""
