"""Attacks that must fail, named after their class."""
