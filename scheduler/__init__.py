"""Decides: watches the registry and the sources, plans, and enqueues runs.

It holds no work itself, reaches no cluster and renders nothing. It may import ``common`` only.
"""
