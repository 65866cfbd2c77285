"""HTTP itself: connections and whose they are, the id of each request, and where files are."""
