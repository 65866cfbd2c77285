"""The Kubernetes adapter on the simulator and on a real API server."""
