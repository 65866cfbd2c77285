"""Acts: resolves sources, renders, diffs, applies, prunes, observes, sweeps and records.

Workers decide nothing about the fleet and make no runs: they never import ``scheduler`` or ``console``. Inside, imports
point one way: tasks, public > kube, render, record > sync. ``console`` imports ``public`` alone.
"""
