"""Mirrors against real Git servers over HTTP and ssh."""
