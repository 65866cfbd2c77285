"""Rules of the simulator that need no other server to be checked against."""
