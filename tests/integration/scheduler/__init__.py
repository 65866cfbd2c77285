"""The scheduler's loop on real databases, with workers played step by step."""
