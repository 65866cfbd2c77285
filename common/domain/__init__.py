"""Values only: no IO, no clock, no randomness."""
