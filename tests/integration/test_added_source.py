"""A kind of source is one folder and one line of a table: shown by one that lies outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DUMMY = """
from dataclasses import dataclass

from pydantic import Field

from common.domain.refs import SourceRef
from common.sources import kinds


@dataclass(frozen=True, slots=True)
class DiskRef(SourceRef):
    @property
    def text(self):
        return "disk:"


@dataclass(frozen=True)
class DiskSource:
    disk: str
    path: str = "."
    credentials: str = ""
    verify: tuple = ()
    name: str = ""

    @property
    def to_resolve(self):
        return DiskRef(f"disk://{self.disk}", self.credentials)


class Door:
    def fetch(self, source):
        return f"fetched {source.repo}"

    def close(self):
        pass


class DiskKind:
    key, words, signed, pins = "disk", "disk", False, {}

    def schema(self):
        from common.registry.schema.base import Base

        class DiskPart(Base):
            disk: str | None = Field(default=None, description="A disk.")

        return DiskPart

    def address(self, spec):
        return ("disk",), f"disk://{spec.disk}"

    def declared(self, spec, common):
        return DiskSource(spec.disk, credentials=common.credentials, name=common.name)

    def read(self, repo, credentials, text):
        return DiskRef(repo, credentials) if text == "disk:" else None

    def door(self, machine):
        return DiskRef, Door()


kinds.register(DiskKind())
"""


USED = """
import dummy  # the one registration

from pathlib import Path

from common.registry import parse
from common.credentials import DirectoryProvider
from common.sources.doors import Machine
from common.sources.kinds import source_ref
from common.sources.sources import sources_on

REGISTRY = b'''
{apiVersion: flotilla.dev/v1, kind: Fleet, metadata: {name: acme}}
---
apiVersion: flotilla.dev/v1
kind: Cluster
metadata: {name: eu}
spec: {server: "https://eu.example.com", credentials: {secretRef: eu}}
---
apiVersion: flotilla.dev/v1
kind: Application
metadata: {name: web}
spec: {source: {disk: shelf}, namespace: web, targets: [{name: all, select: {all: true}}]}
'''
result = parse({"fleet.yaml": REGISTRY}, None)
assert result.faults == (), result.faults
(placement,) = result.fleet.placements()
(ref,) = placement.to_resolve
assert source_ref(ref.repo, ref.credentials, ref.text) == ref
sources = sources_on(Machine(Path("."), DirectoryProvider(Path("."))))
print(sources.fetch(ref))
"""


def test_a_kind_is_added_by_one_registration(tmp_path: Path) -> None:
    (tmp_path / "dummy.py").write_text(DUMMY)
    path = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
    ran = subprocess.run(
        (sys.executable, "-c", USED),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (ran.stdout, ran.stderr) == ("fetched disk://shelf\n", "")
