"""Fakes with behaviour: what the ports promise, in memory."""
