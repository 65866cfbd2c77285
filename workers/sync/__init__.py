"""Decides nothing about the fleet: carries one placement to one revision on one cluster, through ports.

``pipeline`` tells an attempt step by step. Behind it are rooms, each of which knows those after it alone: ``hooks``,
``apply`` (what writes), ``plan`` (what decides), ``health``, and ``objects`` (what is read).
"""
