"""Clusters to practise on: a Kubernetes API for hundreds of clusters in one process, with faults on request.

It knows nothing of the other packages and imports none of them.
"""
