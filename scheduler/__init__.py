"""Decides: reads the registry, plans, makes runs, and has workers told what is due.

The scheduler asks no cluster, renders nothing and reads no repository but the registry's: all else is workers' to do.
It imports ``common`` alone.
"""
