"""The truth: desired, observed, history and audit, in PostgreSQL or (one host) SQLite.

The only importer of SQLAlchemy. Modules that take a ``Connection`` take part in the caller's transaction and never
commit; they give and take domain values, never rows.
"""
