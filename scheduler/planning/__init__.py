"""What should run now: pure functions over facts; no Git, no SQL, no clock."""
