"""Rules of planning."""
