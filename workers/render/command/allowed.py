"""Which commands the operator of this worker allows, read from the file that its settings name."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from common.domain.refs import DNS_LABEL
from common.yaml import REGISTRY_LIMITS, YamlError, load_documents
from workers.render.command.faults import CommandsInvalidError

_MEBIBYTE = 1 << 20
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_NOT_ITS_OWN = re.compile(r"(LD_|FLOTILLA_).*|PATH|HOME|TMPDIR")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,19}")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Command:
    """One program that may be run.

    Attributes:
        name: what the registry calls it.
        path: of the program itself, absolute.
        arguments: fixed ones; ``{values}`` within one stands for the path of a file with the values as JSON.
        reads: files and folders that it may read besides, absolute; they are part of what identifies it.
        environment: fixed variables.
        version: as the operator gives it; empty asks the program, or stands for 0.
        version_arguments: make the program print its version; empty asks nothing.
        cpu: time of processors.
        memory: bytes.
        output: bytes of what it prints, and of each file that it writes.
    """

    name: str
    path: str
    arguments: tuple[str, ...] = ()
    reads: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    version_arguments: tuple[str, ...] = ()
    cpu: timedelta = timedelta(seconds=30)
    memory: int = 1024 * _MEBIBYTE
    output: int = 64 * _MEBIBYTE


def allowed(file: Path | None) -> dict[str, Command]:
    """Return the commands of a file by name; none without a file.

    Raises:
        CommandsInvalidError: it cannot be read, somebody else could write to it, or it is malformed; every fault is
            named.
    """
    if file is None:
        return {}
    try:
        _refuse_foreign(file)
        documents = load_documents(file.read_bytes(), REGISTRY_LIMITS)
        found = _File.model_validate(documents[0].value if len(documents) == 1 else None)
    except OSError as error:
        raise CommandsInvalidError(file, [error.strerror or "cannot be read"]) from error
    except YamlError as error:
        raise CommandsInvalidError(file, [f"line {one.line}: {one.what}" for one in error.faults[:_SHOWN]]) from error
    except ValidationError as error:
        raise CommandsInvalidError(file, [_said(one) for one in error.errors()[:_SHOWN]]) from None
    return {name: spec.command(name) for name, spec in sorted(found.commands.items())}


def refuse_writable(path: Path) -> None:
    """Return if nobody but its owner and root could write to what is run, or says what is run.

    Raises:
        OSError: it is missing, or others could.
    """
    state = path.stat()
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or state.st_uid not in {0, os.geteuid()}:
        message = "others than root and this worker's user could write to it"
        raise PermissionError(0, message)


def _refuse_foreign(file: Path) -> None:
    if not file.is_absolute() or not stat.S_ISREG(file.stat().st_mode):
        message = "it is not the absolute path of a file"
        raise PermissionError(0, message)
    refuse_writable(file)


def _said(error: Any) -> str:
    where = ".".join(str(step)[:80] for step in error["loc"]) or "the file"
    return f"{where}: {error['msg'][:200]}"


def _checked(fits: Callable[[str], object], otherwise: str) -> AfterValidator:
    """Return what refuses a text that does not fit, by saying what does."""

    def check(value: str) -> str:
        if not fits(value):
            raise ValueError(otherwise)
        return value

    return AfterValidator(check)


def _is_absolute(value: str) -> bool:
    return value.startswith("/") and "\0" not in value and ".." not in value.split("/")


def _may_be_set(value: str) -> bool:
    return _VARIABLE.fullmatch(value) is not None and _NOT_ITS_OWN.fullmatch(value) is None


_Name = Annotated[str, _checked(DNS_LABEL.fullmatch, "a name has at most 63 lower-case letters, digits and hyphens")]
_Variable = Annotated[
    str, _checked(_may_be_set, "a variable has letters, digits and _, and is no LD_…, FLOTILLA_…, PATH, HOME or TMPDIR")
]
_Version = Annotated[str, _checked(_VERSION.fullmatch, "a version has at most 20 letters, digits and ._-")]
_Argument = Annotated[str, _checked(lambda value: "\0" not in value, "it holds a NUL"), Field(max_length=16_384)]
_Absolute = Annotated[str, _checked(_is_absolute, "write an absolute path, without '..'"), Field(max_length=16_384)]


class _Command(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel)

    path: _Absolute
    arguments: Annotated[list[_Argument], Field(max_length=200)] = []
    reads: Annotated[list[_Absolute], Field(max_length=50)] = []
    environment: dict[_Variable, _Argument] = {}
    version: _Version | None = None
    version_arguments: Annotated[list[_Argument], Field(max_length=20)] = []
    seconds: Annotated[int, Field(ge=1, le=600)] = 30
    memory_mebibytes: Annotated[int, Field(ge=16, le=65_536)] = 1024
    output_mebibytes: Annotated[int, Field(ge=1, le=256)] = 64

    def command(self, name: str) -> Command:
        return Command(
            name=name,
            path=self.path,
            arguments=tuple(self.arguments),
            reads=tuple(map(Path, self.reads)),
            environment=self.environment,
            version=self.version or "",
            version_arguments=tuple(self.version_arguments),
            cpu=timedelta(seconds=self.seconds),
            memory=self.memory_mebibytes * _MEBIBYTE,
            output=self.output_mebibytes * _MEBIBYTE,
        )


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    commands: Annotated[dict[_Name, _Command], Field(max_length=100)]
