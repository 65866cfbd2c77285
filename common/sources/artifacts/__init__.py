"""Sources other than Git: charts in chart repositories and artifacts in OCI registries, kept as Git trees.

An archive is downloaded within bounds, checked against its digest, unpacked in memory under strict rules and written
into a bare repository of our own. From there on it is read like any other tree. Nothing that an archive holds is ever
written to disk under a name of its own.
"""
