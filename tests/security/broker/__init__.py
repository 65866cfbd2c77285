"""Attacks by whoever can write to the broker, and nothing else."""
