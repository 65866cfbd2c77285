"""Laws of text that is written for readers: YAML, and lines for terminals."""
