"""What people touch: the hub's API and pages, and the command line.

``api`` reads SQL and writes intents: it runs no worker code and holds no credentials of clusters. ``inspect`` and
``planning`` look at sources and clusters for the person who asks, with the settings of that person's machine, and write
nothing. ``processes`` starts the others and imports none of their code.
"""
