"""The performance harness: commands that anyone can rerun, and what they printed here (RESULTS.md)."""
