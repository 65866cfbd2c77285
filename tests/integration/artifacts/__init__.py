"""Artifacts from real servers."""
