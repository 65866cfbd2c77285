"""Looks at a placement on its cluster because somebody asked: reads only, bounded, and without secrets.

What is looked at is what the placement owns by the marks on the live objects, and what hangs on that by the owner
references that the cluster itself has. Nothing is looked at because a request names it.
"""
