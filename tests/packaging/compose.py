"""Runs services of docker-compose.yml as local processes: the very command lines, with hosts and paths moved here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class _Overriding(yaml.SafeLoader):
    """Takes ``!override``, which replaces what is extended; a list without it would be added."""


def _overridden(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Overriding.add_constructor("!override", _overridden)


class Compose:
    """The compose file, with its variables filled in.

    Args:
        variables: of the shell that would run it.
        secrets: folder that ``deploy/secrets.sh`` filled.
        places: texts of the containers' world to those of this machine: hosts with ports, folders.
    """

    def __init__(self, variables: Mapping[str, str], *, secrets: Path, places: Mapping[str, str]) -> None:
        self._variables = variables
        self._secrets = secrets
        self._places = places
        self.services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        self._files: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["secrets"]

    def add(self, page: Path) -> None:
        """Add what a page tells to write into a further compose file; its services extend those of this one."""
        (text,) = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
        more = yaml.load(text, Loader=_Overriding)  # noqa: S506 - a safe loader that knows one more tag
        self._files |= more["secrets"]
        for name, service in more["services"].items():
            base = dict(self.services[service.pop("extends")["service"]])
            environment = {**base["environment"], **service.get("environment", {})}
            self.services[name] = {**base, **service, "environment": environment}

    def filled(self, text: str) -> str:
        """Return a text with variables filled in as compose would.

        Raises:
            ValueError: one that must be set is not; holds what the file says about it.
        """

        def value(match: re.Match[str]) -> str:
            name, kind, rest = match.groups()
            if self._variables.get(name):
                return self._variables[name]
            if kind == "?":
                message = f"{name}: {rest}"
                raise ValueError(message)
            return rest or ""

        return _VARIABLE.sub(value, text)

    def here(self, text: str) -> str:
        """Return a text of the containers' world as it reads on this machine."""
        filled = self.filled(str(text))
        # Places first: a secret's path on this machine may hold any of them.
        for there, here in self._places.items():
            filled = re.sub(rf"{re.escape(there)}(?!\w)", here, filled)
        for name, entry in self._files.items():
            path = self._secrets / Path(entry["file"]).relative_to("deploy/secrets")
            filled = re.sub(rf"/run/secrets/{name}\b", str(path), filled)
        return filled

    def start(self, name: str, log: Path) -> subprocess.Popen[bytes]:
        """Start one of Flotilla's services."""
        service = self.services[name]
        command = [self.here(word) for word in service["command"]]
        environment = {key: self.here(value) for key, value in service["environment"].items()}
        # The working folder is none of ours, as in a container; only what is installed is found.
        with log.open("ab") as output:
            return subprocess.Popen(
                [str(Path(sys.executable).with_name("flotilla")), *command],
                env={"PATH": os.environ["PATH"], "HOME": str(self._secrets.parent), **environment},
                cwd=self._secrets.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
