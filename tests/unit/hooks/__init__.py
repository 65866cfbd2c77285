"""Webhooks in, without a process."""
