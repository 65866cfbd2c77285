"""What can go wrong between us and the broker."""

from enum import StrEnum

from common.domain.errors import PermanentError, TransientError


class BrokerUnavailableError(TransientError):
    """The broker cannot be reached now; nothing is lost, what is due stays due."""

    code = "broker.unavailable"


class BrokerFullError(BrokerUnavailableError):
    """The broker answers, and has no memory for another message."""

    code = "broker.full"


class BrokerReadOnlyError(BrokerUnavailableError):
    """The broker answers, and takes no writes: it is a replica, or cannot save what it holds."""

    code = "broker.read-only"


class BrokerRefusesError(BrokerUnavailableError):
    """The broker answers, and does not let us in, or not do this."""

    code = "broker.refused"


class Why(StrEnum):
    """Why a message is refused."""

    FOREIGN = "names no task of ours"
    UNSIGNED = "is not signed"
    UNKNOWN_KEY = "is signed with a key that is not ours"
    ALTERED = "was changed, or signed by somebody else"
    MOVED = "was meant for another queue"
    CALLBACKS = "carries callbacks"
    BODY = "carries something else than one id"
    OLD = "is too old, or from the future"
    UNREADABLE = "cannot be read as JSON"
    BOUNDS = "is larger, or nested deeper, than any of ours"


class MessageRefusedError(PermanentError):
    """A message is not one of ours, or not as we sent it; nothing of it is carried out."""

    code = "message.refused"

    def __init__(self, why: Why) -> None:
        super().__init__(f"a message {why}", remedy="See who else can write to the broker; rotate its password.")
        self.why = why


class KeyFileError(PermanentError):
    """A key's file is readable by others, or does not hold a key."""

    code = "keys.file"
