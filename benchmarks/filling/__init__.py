"""A hub's database as it looks after months of work, made row by row and copied in; for benchmarks and tests at size.

``tests/integration/db/filled.py`` fills every table with whatever fits, for the planner alone. Here rows mean
something: what is said of a placement has its status, its runs and its registry, so that every page can be read.
"""
