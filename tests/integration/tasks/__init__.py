"""Leases of a worker on a real database."""
