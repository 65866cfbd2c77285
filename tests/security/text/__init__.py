"""Attacks by whoever has a text of theirs read or repeated by the hub: names, messages, error pages, addresses."""
