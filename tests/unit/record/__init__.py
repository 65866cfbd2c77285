"""What is written down when an attempt ends."""
