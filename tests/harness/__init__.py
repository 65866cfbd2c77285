"""What tests of every kind build on: a hub step by step or as processes, a scheduler, and what to give them."""
