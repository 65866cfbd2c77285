"""Acts: resolves sources, renders, diffs, applies, prunes, observes, sweeps and records.

It decides nothing about the fleet and never imports ``scheduler`` or ``console``. Inside, imports point one way:
tasks, public > kube, render, record > sync. ``console`` imports ``public`` alone.
"""
