"""Objects that are made for one run, and that the run waits for without holding a slot."""
