"""Runs from made to ended: claims, attempts, leases, what may be sent, who works, who leads."""
