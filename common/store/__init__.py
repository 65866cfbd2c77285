"""The truth: desired, observed, history and audit, in PostgreSQL or (one host) SQLite.

The only importer of SQLAlchemy. Modules that take a ``Connection`` take part in the caller's transaction and never
commit; they give and take domain values, never rows. Five floors, each of which knows those below it alone: ``reads``
(what people see) over ``queue`` (runs) over ``state`` over ``events`` over ``engine`` over ``schema``.
"""
