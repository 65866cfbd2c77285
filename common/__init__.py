"""What the scheduler, the workers and the console share.

Holds domain values, the registry parser, sources, the database, the broker's wire contract, settings and telemetry.
It may not decide (that is ``scheduler``), act on a cluster (``workers``) or talk to people (``console``),
and imports none of them.
"""
