"""The Kubernetes adapter: the only importer of ``kubernetes``; errors are translated here, once.

It reads and writes what it is told, and never repeats a write: only the engine may ask the fence.
"""

from workers.kube.cluster import KubeCluster
from workers.kube.pool import ClusterPool, Connection

__all__ = ["ClusterPool", "Connection", "KubeCluster"]
