"""Credentials without a cluster."""
