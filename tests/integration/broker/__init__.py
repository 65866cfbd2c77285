"""The broker as kombu speaks it, with a real Redis."""
