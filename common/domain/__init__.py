"""Values, and rules as pure functions of them: no IO, no clock, no randomness."""
