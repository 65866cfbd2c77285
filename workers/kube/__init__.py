"""The Kubernetes adapter: the only importer of ``kubernetes``; errors are translated here, once."""
