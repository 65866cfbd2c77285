"""One compromised worker: what it holds, and what it reaches with that."""
