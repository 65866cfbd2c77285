"""The tenant matrix: two projects, and everything by which the one could name what is the other's.

Which fields there are is asked of the code: the registry's models, the fields of a kustomization, our annotations, the
API's routes. A new one without a decision here fails the tests. What the page shows was done, not written down.
"""
