"""Tests without network and without waiting."""
