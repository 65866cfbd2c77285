"""Webhooks in: what Git servers and registries send when something was pushed.

A request is read within bounds (``bodies``), checked by its hook's kind (``kind``, one file for each), and read for
what it names. It only selects what is looked at now, from what the fleet follows. To add a kind: write its file, and
``register`` it in ``kinds``.
"""
