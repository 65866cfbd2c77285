"""The Kubernetes adapter: the only importer of ``kubernetes``; errors are translated here, once.

The adapter reads and writes what it is told. A request is sent again only where the API server said that it was not
carried out (credentials that have changed, a request to wait) and the fence that the engine gave allows it again.
"""

from workers.kube.cluster import KubeCluster
from workers.kube.pool import ClusterPool, Connection

__all__ = ["ClusterPool", "Connection", "KubeCluster"]
