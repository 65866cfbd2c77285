"""The sync engine: carries one placement to one revision on one cluster, through ports.

The engine decides nothing about the fleet. ``pipeline`` tells an attempt step by step. Behind it are ``steps`` (the
objects of a wave) and ``pruning`` (what is left over), on what ``attempt`` holds for both; then rooms, each of which
knows those after it alone: ``hooks``, ``apply`` (what lists and writes), ``plan`` (what an object is to be, and what is
done about it), ``health``, and ``objects`` (what manifests and live objects say).
"""
