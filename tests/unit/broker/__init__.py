"""Messages and keys, without a broker."""
