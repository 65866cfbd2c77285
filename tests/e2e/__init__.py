"""Whole systems: real API servers, Redis, PostgreSQL and Git over HTTP, every part a process of its own."""
