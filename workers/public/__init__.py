"""What others may use of workers: ``console`` imports these modules and nothing else of this package.

``clusters`` reaches them, ``rendering`` turns trees into manifests, ``manifests`` compares those, ``health`` judges
objects, and ``dry_run`` asks the sync engine what it would change. Each of them costs what it needs: none imports
another.
"""
