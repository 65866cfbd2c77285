"""Renders Helm charts: what a chart reads, the processes that hold Helm's library, and what comes out of them."""
