"""Real Kubernetes API servers for tests, built from Go modules and run as plain processes."""
