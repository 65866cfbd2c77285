"""Laws of the queue: choices and ids of runs."""
