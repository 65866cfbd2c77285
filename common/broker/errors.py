"""What can go wrong between us and the broker."""

from __future__ import annotations

from common.domain.codes import MessageReason
from common.domain.errors import PermanentError, TransientError
from common.domain.reasons import sentence
from common.domain.status import Reason


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


class MessageRefusedError(PermanentError):
    """A message is not one of ours, or not as we sent it; nothing of it is carried out."""

    code = "message.refused"

    def __init__(self, why: MessageReason) -> None:
        super().__init__(
            f"a message was refused: {sentence(Reason(why))}",
            remedy="See who else can write to the broker; rotate its password.",
        )
        self.why = why


class KeyFileError(PermanentError):
    """A key's file is readable by others, or does not hold a key."""

    code = "keys.file"
