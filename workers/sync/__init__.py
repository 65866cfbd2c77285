"""Decides nothing about the fleet: carries one placement to one revision on one cluster, through ports."""
