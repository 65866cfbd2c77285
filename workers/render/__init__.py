"""Turns a tree and parameters into manifests: one file or folder per renderer, each with a footprint and a render.

Renderers reach nothing but the tree they are given; a tool of theirs runs in ``sandbox``, on a copy that holds the
footprint and nothing else, without credentials and with bounds of time and memory. No renderer touches a cluster or a
queue.
"""
