"""The loops that fetch facts, ask ``planning``, and write what it says."""
