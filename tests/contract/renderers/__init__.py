"""What every renderer promises, tried on each."""
