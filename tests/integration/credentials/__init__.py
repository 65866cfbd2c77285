"""Providers of credentials with the other end that they ask."""
