"""Scheduler and workers together in one process, step by step: real SQL and simulated clusters, Git in memory."""
