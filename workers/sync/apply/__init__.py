"""Listing what is live, and carrying out what was planned: every write asks the fence first."""
