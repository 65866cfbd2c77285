"""What a sync means, rule by rule, on a real API server and on the simulator."""
