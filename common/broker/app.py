"""The Celery application: JSON only, signed both ways, nothing stored in the broker but what is on its way."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from celery import Celery, Task
from celery.app.amqp import AMQP
from celery.worker.strategy import default as deliver

from common.broker.errors import MessageRefusedError
from common.broker.keys import MessageKeys, message_keys
from common.broker.messages import unacknowledged
from common.broker.reading import EntryError, read
from common.broker.signing import sign, verify
from common.broker.transport import install
from common.clock import SystemClock
from common.domain.codes import MessageReason
from common.settings import Settings

VISIBILITY = timedelta(hours=1)
"""After this the broker delivers again what was taken and not acknowledged; a repeated message claims nothing."""
log = logging.getLogger(__name__)


class SignedMessages(AMQP):  # type: ignore[misc]  # Celery is untyped
    """Makes messages, first ones and retries alike, and signs each as it will be sent."""

    def as_task_v2(self, *args: Any, **options: Any) -> Any:
        """Return a signed message, as Celery is to send it."""
        message = super().as_task_v2(*args, **options)
        (subject,) = message.body[0]
        queue = options["queue"].name
        signed = sign(self.app.keys, message.headers, subject, queue=queue, now=SystemClock().now())
        message.headers.update(signed)
        return message


class FlotillaCelery(Celery):  # type: ignore[misc]  # Celery is untyped
    """Sends and takes signed messages only.

    Attributes:
        keys: of this hub.
        on_checked: told of each message why it is refused; None of one that is taken.
    """

    amqp_cls = SignedMessages
    keys: MessageKeys
    on_checked: Callable[[MessageReason | None], None]

    def send_task(self, name: str, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Send a task with one id, and with no headers but Celery's and ours.

        Raises:
            MessageRefusedError: it is to carry anything else.
        """
        match args:
            case [str(subject)] if not kwargs:
                pass
            case _:
                raise MessageRefusedError(MessageReason.BODY)
        options.pop("headers", None)
        return super().send_task(name, [subject], {}, **options)


class SignedTask(Task):  # type: ignore[misc]  # Celery is untyped
    """A task that starts only for a message of ours."""

    abstract = True
    Strategy = "common.broker.app:verified"


def verified(task: Task, app: FlotillaCelery, consumer: Any) -> Callable[..., Any]:
    """Return Celery's handler of a task's messages, behind a check of who sent them."""
    handler = deliver(task, app, consumer)

    def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Sequence[Any], **more: Any) -> Any:
        try:
            verify(app.keys, message.headers, _payload(message), queue=_queue(app, message), now=SystemClock().now())
            app.on_checked(None)
            return handler(message, body, ack, reject, callbacks, **more)
        except MessageRefusedError as error:
            why = error.why
        except Exception:  # whatever a stranger wrote must not end the worker
            why = MessageReason.UNREADABLE
        message.ack_log_error(log, consumer.connection_errors)
        app.on_checked(why)
        return None

    return handle


def _queue(app: FlotillaCelery, message: Any) -> str:
    """Return the queue that a message says it is for, where its retry would go; it must be one that we serve."""
    queue: str = message.delivery_info["routing_key"]
    if queue not in app.amqp.queues.consume_from:
        raise MessageRefusedError(MessageReason.MOVED)
    return queue


def _payload(message: Any) -> Any:
    try:
        return read(message.body)
    except EntryError as error:
        raise MessageRefusedError(error.why) from error


def make_celery(settings: Settings, keys: MessageKeys | None = None) -> FlotillaCelery:
    """Return an application that speaks to the broker of these settings; connects to nothing yet.

    Args:
        settings: of this process.
        keys: of messages; None reads this hub's, or makes them. With a pool's, what was taken and not acknowledged is
            kept apart from other pools'.

    Raises:
        KeyFileError: the hub's message keys cannot be used.
    """
    install()
    url = broker_url(settings)
    app = FlotillaCelery("flotilla", broker=url, task_cls=SignedTask, set_as_current=False)
    app.keys = message_keys(settings) if keys is None else keys
    kept = unacknowledged(app.keys.pool) if app.keys.pool else {}
    app.on_checked = lambda _why: None
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        event_serializer="json",
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue="default",
        worker_prefetch_multiplier=1,
        worker_disable_rate_limits=True,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_limit=4,
        broker_transport_options={
            **kept,
            "visibility_timeout": VISIBILITY.total_seconds(),
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 5,
            "socket_timeout": 30,
            "socket_keepalive": True,
        },
        enable_utc=True,
        timezone="UTC",
    )
    if settings.broker_ca_file is not None:
        app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": str(settings.broker_ca_file)}
    return app


def broker_url(settings: Settings) -> str:
    """Return the broker's URL with its password, for connecting only."""
    url = settings.effective_broker_url
    if settings.broker_password_file is None:
        return url
    password = _secret(settings.broker_password_file)
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{host}"))


def _secret(path: Path) -> str:
    return path.read_text().strip()
