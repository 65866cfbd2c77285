"""Laws of values: secrets, versions, revisions."""
