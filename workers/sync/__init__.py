"""Decides nothing about the fleet: carries one placement to one revision on one cluster, through ports.

``pipeline`` tells an attempt step by step. Behind it are ``steps`` (the objects of a wave) and ``pruning`` (what is
left over), on what ``attempt`` holds for both; then rooms, each of which knows those after it alone: ``hooks``,
``apply`` (what writes), ``plan`` (what decides), ``health``, and ``objects`` (what is read).
"""
