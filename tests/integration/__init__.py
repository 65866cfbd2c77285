"""Tests against real services on this host."""
