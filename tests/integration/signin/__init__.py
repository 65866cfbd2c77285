"""Signing in with real partners."""
