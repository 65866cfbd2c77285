"""What is shipped: the wheel, the compose file, the scripts."""
