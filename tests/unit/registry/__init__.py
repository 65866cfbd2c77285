"""Rules of the registry: forms, scopes, checks and selection."""
