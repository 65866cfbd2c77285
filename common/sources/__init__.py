"""Where manifests come from: Git mirrors, artifacts kept as Git trees, trees at a commit, and the kinds of sources.

``git`` is the only importer of GitPython. Nothing that a repository brings along is run, no credential is written to
disk (save an ssh key in a file of mode 0600 while one call needs it), and no reference's credentials open another's
mirror. No source knows databases, queues or clusters.
"""
