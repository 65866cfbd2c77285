"""The sync engine on a real API server."""
