"""What clusters do to us that are real, and in a bad way: each a rule of its own."""
