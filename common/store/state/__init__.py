"""What is true now: desired and observed, placements, clusters, sources, intents, approvals, faults."""
