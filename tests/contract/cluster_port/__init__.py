"""What the engine relies on, on the fake cluster, the simulator and a real API server."""
