"""The connection type that callers hold but never look into, so that they need no SQLAlchemy of their own."""

from sqlalchemy import Connection

__all__ = ["Connection"]
