"""Where manifests come from: Git mirrors, artifacts kept as Git trees, trees at a commit, and the kinds of sources.

The only importer of GitPython (in ``git``). It runs nothing that a repository brings along, writes no credential to
disk (save an ssh key in a file of mode 0600 while one call needs it) and never lets one reference's credentials open
another's mirror. It knows nothing of databases, queues and clusters.
"""
