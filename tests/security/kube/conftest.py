"""A placement on a real, empty API server, and an administrator's client beside it."""

from __future__ import annotations

from tests.integration.kube.bad_input.conftest import kubectl, site

__all__ = ["kubectl", "site"]
