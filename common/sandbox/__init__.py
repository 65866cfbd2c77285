"""Starts programs that work on foreign data: what they may read, write and call is bounded before they begin.

One door: ``launch``. The sandbox knows nothing of what is run, and imports nothing of ours but errors and
``single_flight``. ``launcher`` and ``trial`` are scripts that run in the processes started, and import nothing of ours
at all.
"""
