"""Renders Jsonnet: what a program imports, found without running it, and what it gives, in a process of its own."""
