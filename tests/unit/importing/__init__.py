"""Tests of what other tools' objects become."""
