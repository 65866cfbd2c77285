"""Settings of every process, read from ``FLOTILLA_…`` variables; the embedded defaults need none of them."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.destinations import LinkLocal
from common.domain.errors import PermanentError, sentences
from common.sandbox.launch import Strictness


class Settings(BaseSettings):
    """One value per setting; unknown variables are ignored, so that newer deployment files do no harm."""

    model_config = SettingsConfigDict(env_prefix="FLOTILLA_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".flotilla")
    """Everything the embedded defaults write: database, keys, mirrors, caches, sockets. Mode 0700."""
    database_url: str = ""
    """SQLAlchemy URL; empty is SQLite under ``home``. PostgreSQL: ``postgresql+psycopg://…``."""
    database_password_file: Path | None = None
    """Put into ``database_url`` at connection time, so that no URL holds the password."""
    broker_url: str = ""
    """Redis or Valkey URL; empty is the embedded broker's Unix socket under ``home``."""
    broker_password_file: Path | None = None
    broker_ca_file: Path | None = None
    """CA that signed the broker's certificate (``rediss://``)."""
    message_key_file: Path | None = None
    """Keys of messages, one ``id:hex`` a line, the first signs; empty is made under ``home`` at first start."""
    pool_message_key_file: Path | None = None
    """Keys of one pool's messages, for its workers; where it is given they need no ``message_key_file``."""
    hub_key_file: Path | None = None
    """Key of HMACs over secret values; empty is made under ``home`` at first start."""

    registry_url: str = ""
    registry_credentials: str = ""
    registry_ref: str = "refs/heads/main"
    registry_path: str = ""
    """Folder of the repository that is the registry; empty is the whole."""
    registry_interval: timedelta = timedelta(seconds=30)
    source_interval: timedelta = timedelta(seconds=30)
    allow_loopback_http: bool = False
    """Plain http, to loopback only: for the demo and tests."""
    allow_link_local: bool = False
    """Connections of sources and clusters to link-local and metadata addresses."""

    credentials_dir: Path | None = None
    """Directory provider; empty is ``home``/credentials."""
    credentials_env_prefix: str = ""
    """Environment provider: ``<PREFIX>CLUSTERS_EU_1`` for ``clusters/eu-1``; tried after the directory."""
    credentials_secret_namespace: str = ""
    """Kubernetes Secret provider: the namespace on the hub's own cluster; tried last."""
    mirrors_dir: Path | None = None
    """Git mirrors, and artifacts as Git trees."""
    cache_dir: Path | None = None
    kustomize: str = ""
    """Path of a ``kustomize`` or ``kubectl``; empty looks on PATH."""
    render_commands: Path | None = None
    """File that says which commands applications may be rendered by, on this worker; None allows none."""
    render_patience: timedelta = Field(default=timedelta(minutes=5), gt=timedelta())
    """How long a renderer may take by the clock; what it may use of processors bounds it first."""
    sandbox: Strictness | None = None
    """What is done where renderers cannot be confined; None is strict for workers, a warning elsewhere."""

    pool: str = "default"
    concurrency: int = Field(default=8, ge=1, le=64)
    """Runs at once in one worker process."""
    lease: timedelta = timedelta(seconds=20)
    lease_renewal: timedelta = timedelta(seconds=5)
    stuck_after: timedelta = timedelta(minutes=15)
    """How long an attempt or a look may make no progress before its lease is renewed no more."""
    attempt_limit: timedelta = timedelta(hours=1)
    """How long it may take in all, progress or not."""
    request_timeout: timedelta = timedelta(seconds=10)
    """Longest single request to a cluster; a write starts only if the lease outlives it."""
    sweep_default: timedelta = timedelta(minutes=5)
    tick: timedelta = timedelta(milliseconds=500)
    late_after: timedelta = timedelta(minutes=5)
    """How long due work may wait before that is said to be wrong."""
    retention: timedelta = Field(default=timedelta(days=400), ge=timedelta(days=1))
    """How long history is kept."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=7780, ge=0, le=65535)
    api_token_file: Path | None = None
    api_tls_cert: Path | None = None
    api_tls_key: Path | None = None
    hooks_dir: Path | None = None
    """A folder for each webhook that is taken, with its kind and its secret; empty is ``home``/hooks."""
    behind_proxy: bool = False
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses and networks, separated by commas, whose word on who asks is taken where ``behind_proxy`` is set."""
    api_patience: timedelta = Field(default=timedelta(seconds=10), gt=timedelta())
    """How long a client may take over the head of a request."""
    public_url: str = ""
    """Where browsers reach the hub, for the way back from an identity provider; empty is what they asked."""
    ci_issuers: str = ""
    """URLs of CIs whose tokens of pipelines are taken, separated by commas; no other address is ever asked for keys."""
    oidc_issuer: str = ""
    """URL of the identity provider, as it writes it itself; empty has none."""
    oidc_client_id: str = ""
    oidc_client_secret_file: Path | None = None
    """None is a client without a secret."""
    oidc_scopes: str = "openid profile"
    oidc_groups_claim: str = "groups"
    oidc_name: str = "your organisation"
    """Stands on the button."""
    flower_url: SecretStr = SecretStr("")
    """Where the api reaches Flower: ``unix:/path`` or ``http://host:port``; empty is the socket under ``home``."""
    flower_url_file: Path | None = None
    """Holds ``flower_url``, user and password included, where Flower has a login of its own."""

    log_format: str = "console"
    log_level: str = "INFO"

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, given: str) -> str:
        """Return what was given if it names addresses and networks.

        Raises:
            ValueError: one is neither.
        """
        for one in filter(None, map(str.strip, given.split(","))):
            ipaddress.ip_network(one)
        return given

    @property
    def link_local(self) -> LinkLocal:
        """Whether link-local and metadata addresses may be connected to."""
        return LinkLocal.ALLOWED if self.allow_link_local else LinkLocal.REFUSED

    def path(self, name: str) -> Path:
        """Return ``home/name``; the caller makes it."""
        return self.home / name

    @property
    def effective_database_url(self) -> str:
        """The database in use, embedded default included; holds no password where a file gives it."""
        return self.database_url or f"sqlite:///{self.home / 'flotilla.db'}"

    @property
    def broker_socket(self) -> Path:
        """Where the embedded broker listens, in a folder of mode 0700."""
        return self.home / "run" / "broker.sock"

    @property
    def api_socket(self) -> Path:
        """Where the API listens for commands on this machine, in a folder of mode 0700."""
        return self.home / "run" / "api.sock"

    @property
    def effective_broker_url(self) -> str:
        """The broker in use, embedded default included; holds no password where a file gives it."""
        return self.broker_url or f"redis+socket://{self.broker_socket}"


class SettingsError(PermanentError):
    """A ``FLOTILLA_…`` variable holds what it cannot hold."""

    code = "settings.invalid"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once.

    Raises:
        SettingsError: names every variable that cannot be used; never shows what it holds.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = (f"FLOTILLA_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise SettingsError(sentences(*wrong), remedy="See the reference of settings.") from None
