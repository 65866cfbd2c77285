"""Logs of every process: their form, and what is hidden in them."""
