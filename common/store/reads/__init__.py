"""What the console shows: reads only, keyset-paged, never a lock."""
