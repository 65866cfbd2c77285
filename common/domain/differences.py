"""In which fields an object differs: what each of them was, would be, and who holds it. Pure.

The worker that compared makes it once, without secrets; rows, answers, pages and lines of a terminal are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.domain.secrecy import Secrets


@dataclass(frozen=True, slots=True)
class ChangedField:
    """A field that differs.

    Attributes:
        path: where it is: ``.spec.replicas``, ``.spec.containers[name=web].image``.
        before: its value as JSON, the beginning of it where it is long; None where there was none.
        after: what it would be, alike.
        owner: the field manager that holds it as it was, one of others before our own; empty where none does.
        masked: something of its values is not shown, since it is a secret or looks like one.
    """

    path: str
    before: str | None
    after: str | None
    owner: str = ""
    masked: bool = False

    @property
    def line(self) -> str:
        """The same as a line: ``+ path: value``, ``- path: value``, ``~ path: before -> after``."""
        if self.before is None:
            return f"+ {self.path}: {self.after}"
        return (
            f"- {self.path}: {self.before}" if self.after is None else f"~ {self.path}: {self.before} -> {self.after}"
        )

    def without(self, secrets: Secrets) -> ChangedField:
        """Return it with secrets masked, wherever they stand."""
        before, after = (None if one is None else secrets.masked(one) for one in (self.before, self.after))
        masked = self.masked or (before, after) != (self.before, self.after)
        return ChangedField(secrets.masked(self.path), before, after, secrets.masked(self.owner), masked)


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs of one object; false where nothing does.

    Attributes:
        fields: the first fields that differ.
        more: how many others do.
    """

    fields: tuple[ChangedField, ...] = ()
    more: int = 0

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.fields) or self.more > 0

    @property
    def text(self) -> str:
        """The same for people to read, a line for each field; empty for nothing."""
        lines = [one.line for one in self.fields]
        return "\n".join([*lines, f"… and {self.more} more"] if self.more else lines)

    def without(self, secrets: Secrets) -> Diff:
        """Return it with secrets masked, wherever they stand."""
        return replace(self, fields=tuple(one.without(secrets) for one in self.fields)) if secrets else self


NO_DIFF = Diff()
