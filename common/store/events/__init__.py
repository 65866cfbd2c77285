"""What happened, added and never touched again."""
