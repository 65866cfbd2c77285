"""What holds for all inputs of the sync engine."""
