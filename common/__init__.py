"""What the scheduler, the workers and the console share.

Holds the values and the rules of the domain, the registry's parser, sources, credentials, the sandbox, the database,
the broker's wire contract, settings and telemetry. Whether a placement may be written to is one rule of the domain,
which all ask; what should run is planned by ``scheduler``, clusters are written to by ``workers``, people are talked to
by ``console``, and none of the three is imported here.
"""
