"""Renderers with their real tools."""
