"""Carrying out what was planned: every write asks the fence first."""
