"""Routes that read: SQL and the registry, cut to what the viewer may see."""
