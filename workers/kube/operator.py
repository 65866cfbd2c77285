"""The operator's own kubeconfig, used as kubectl would: exec plugins and file paths allowed, on their machine only.

Nothing of it is stored but where the cluster is and which authority vouches for it.
"""

from __future__ import annotations

from pathlib import Path

from kubernetes.client.configuration import Configuration
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.kube_config import load_kube_config

from common.domain.foreign import said
from workers.kube.credentials import Access
from workers.kube.route import environments_route, route_of
from workers.sync.errors import CredentialsError, Forbidden


def operator_access(path: Path, context: str | None = None) -> Access:
    """Return how the person reaches the cluster, and as whom.

    Args:
        path: of their kubeconfig.
        context: its name; None for the current one.

    Raises:
        CredentialsError: it cannot be used; TLS without verification is refused here too.
    """
    configuration = Configuration()
    configuration.proxy = None
    try:
        load_kube_config(str(path), context, configuration, persist_config=False)  # type: ignore[no-untyped-call]  # theirs
    except (ConfigException, OSError, ValueError, TypeError, AttributeError) as error:
        message = f"{path} cannot be used as a kubeconfig: {said(error)}"
        raise CredentialsError(Forbidden.UNREADABLE, message, remedy="Try it with `kubectl version`.") from error
    if not configuration.verify_ssl:
        message = f"{path} does not verify the API server's certificate"
        raise CredentialsError(Forbidden.INSECURE, message, remedy="Put the authority's certificate into it.")
    scheme, _, token = (configuration.get_api_key_with_prefix("BearerToken", alias="authorization") or "").rpartition(
        " "
    )
    if scheme not in {"", "Bearer"}:
        message = f"{path} signs in by {scheme}, which API servers no longer take"
        raise CredentialsError(Forbidden.PASSWORD, message, remedy="Use a token or a client certificate.")
    server = str(configuration.host).rstrip("/")
    proxy = configuration.proxy
    return Access(
        server=server,
        route=route_of(str(proxy), f"the proxy-url of {path}") if proxy else environments_route(server),
        ca=_text(configuration.ssl_ca_cert) or str(configuration.ca_cert_data or ""),
        tls_server_name=str(configuration.tls_server_name or ""),
        token=token,
        client_certificate=_text(configuration.cert_file),
        client_key=_text(configuration.key_file),
    )


def _text(path: str | None) -> str:
    return Path(path).read_text() if path else ""
