"""One module a target; each registers itself, see ``tests.fuzz.harness``."""
