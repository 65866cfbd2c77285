"""Renderers over trees in memory."""
