"""When credentials end, and what is said of it ahead."""

from __future__ import annotations

from datetime import datetime, timedelta

WARN_AHEAD = timedelta(days=14)


def warning(expires_at: datetime | None, *, now: datetime) -> str:
    """Return what to tell about the end of a cluster's credentials; empty while it is far off or there is none."""
    if expires_at is None or expires_at - now > WARN_AHEAD:
        return ""
    if expires_at <= now:
        return f"its credentials expired on {expires_at:%Y-%m-%d}; renew them with `flotilla cluster rotate`"
    days = (expires_at - now).days
    left = f"in {days} days" if days > 1 else f"within {(days + 1) * 24} hours"
    return f"its credentials expire {left}; renew them with `flotilla cluster rotate`"
