"""Signing in and out, and what counts in a person's place: users, sessions, tokens."""
