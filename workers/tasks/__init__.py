"""What a worker process runs: what each message asks for, the leases that this is done under, and the heartbeat.

``app`` holds the doors that Celery opens, one for each kind of message, and ``main`` starts the process: only these two
know Celery. A door decodes an id, calls, and maps errors to retries.
"""
