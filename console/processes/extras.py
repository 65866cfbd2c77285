"""Parts of Flotilla that an installation need not have."""

from __future__ import annotations

from importlib.util import find_spec

from common.domain.errors import PermanentError

SIMULATOR_NEEDS = "kubernetes_validate"
"""The module of the extra ``simulator`` that no hub has a use for."""


class NotInstalledError(PermanentError):
    """Flotilla was installed without what this command needs."""

    code = "extra.not-installed"


def need_simulator() -> None:
    """Refuse to go on where simulated clusters cannot run.

    Raises:
        NotInstalledError: the extra ``simulator`` is not installed.
    """
    if find_spec(SIMULATOR_NEEDS) is None:
        message = "simulated clusters are an extra, which is not installed here"
        raise NotInstalledError(message, remedy="Install flotilla[simulator]; in a checkout, `make venv` does.")
