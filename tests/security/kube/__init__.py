"""Attacks by way of kubeconfigs and answers."""
