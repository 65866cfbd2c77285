"""Renders kustomizations: what one reads, found before any tool sees it, and the tool run on a copy of that."""
