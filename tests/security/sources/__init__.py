"""Attacks through repositories, URLs and kustomizations."""
