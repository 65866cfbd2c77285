"""Attacks through what is rendered: charts, kustomizations, Jsonnet programs, and the cache of what they gave."""
