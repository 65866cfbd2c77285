"""Tests, from pure functions to whole systems on real API servers."""
