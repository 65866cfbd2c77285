"""``python -m benchmarks.viewers``: what it costs one API process that many look on.

First ``--viewers`` browsers with the Fleet page open on the database of the settings, filled by ``benchmarks.fill``:
each has a stream of events, and asks for the status, the problems and the picture whenever something came about, as the
console does. Then ``--streams`` streams and nothing else. Both while placements change all the time. The process has
room for all of them: how many it takes as it is shipped, and how it refuses more, is for tests.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select, update

from benchmarks.console import Api, describe
from common.settings import Settings, settings
from common.store.engine.session import Database, open_database
from common.store.schema.tables import PlacementRow
from console.api.__main__ import allow_descriptors
from console.api.app import create_app
from console.api.live.shares import Share
from console.api.live.stream import Streams
from console.api.serving.crowd import Room
from tests.fixtures.services import wait_until
from tests.harness.api import TOKEN
from tests.harness.streams import BEARER, served

PATHS = ("status", "problems", "fleet/picture")
LEAST, SHARE, MOST = 1.0, 4.0, 15.0
"""Seconds that the console gathers events for, and how much longer than its answers took."""
_DESCRIPTORS = 20_000


def serve(folder: Path) -> None:
    """Serve the API with room for everybody until the parent ends."""
    allow_descriptors(_DESCRIPTORS)
    database = open_database(settings())
    app = create_app(Settings(home=folder), database, token=TOKEN)
    share = Share(in_all=_DESCRIPTORS, of_source=_DESCRIPTORS, of_viewer=_DESCRIPTORS)
    app.state.streams = Streams(database, share=share)
    with served(app, patience=60, room=Room(of_source=_DESCRIPTORS, in_all=_DESCRIPTORS)) as hub:
        (folder / "ready").write_text(str(hub.port))
        sys.stdin.read()


@dataclass
class Seen:
    """What all who look on have seen."""

    ready: int = 0
    events: int = 0
    taken: list[float] = field(default_factory=list)
    same: int = 0
    bytes: int = 0


@asynccontextmanager
async def stream(port: int) -> AsyncIterator[asyncio.StreamReader]:
    """Give an open stream of events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /api/v1/events/stream HTTP/1.1\r\nHost: hub\r\n{BEARER}\r\n".encode())
    try:
        yield reader
    finally:
        writer.close()


async def look_on(port: int, seen: Seen, news: asyncio.Event) -> None:
    """Read a stream until it is cancelled."""
    async with stream(port) as reader:
        while line := await reader.readline():
            if line.startswith(b"event: ready"):
                seen.ready += 1
            elif line.startswith(b"event: "):
                seen.events += 1
                news.set()


async def browse(port: int, seen: Seen) -> None:
    """Do what a browser with the Fleet page open does, until it is cancelled."""
    news, tags = asyncio.Event(), dict[str, str]()
    listening = asyncio.create_task(look_on(port, seen, news))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        pause = LEAST
        while True:
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - nothing secret
            await news.wait()
            news.clear()
            began = time.monotonic()
            for path in PATHS:
                asked = time.monotonic()
                had = f"If-None-Match: {tags[path]}\r\n" if path in tags else ""
                packed = "Accept-Encoding: gzip\r\n"
                writer.write(f"GET /api/v1/{path} HTTP/1.1\r\nHost: hub\r\n{BEARER}{packed}{had}\r\n".encode())
                await _answered(reader, seen, tags, path)
                seen.taken.append(time.monotonic() - asked)
            pause = min(MOST, max(LEAST, SHARE * (time.monotonic() - began)))
    finally:
        listening.cancel()
        writer.close()


async def _answered(reader: asyncio.StreamReader, seen: Seen, tags: dict[str, str], path: str) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    fields = dict(line.lower().partition(": ")[::2] for line in head.split("\r\n")[1:] if line)
    size = int(fields.get("content-length", 0))
    await reader.readexactly(size)
    seen.bytes += size + len(head)
    seen.same += " 304 " in head.split("\r\n", 1)[0]
    tags[path] = fields.get("etag", "")


def change(database: Database, over: threading.Event, each: float) -> None:
    """Have placements fall ill and get well, five at a time, every so many seconds."""
    with database.read() as connection:
        ids = connection.execute(select(PlacementRow.id).where(PlacementRow.state == "placed").limit(5_000)).scalars()
        known = ids.all()
    while not over.wait(each):
        some = random.sample(known, 5)
        for health in ("progressing", "healthy"):
            with database.write() as connection:
                connection.execute(update(PlacementRow).where(PlacementRow.id.in_(some)).values(health=health))


async def measure(what: str, hub: Api, port: int, count: int, seconds: float) -> None:
    """Let so many look on and print what that costs."""
    seen = Seen()
    before = hub.resident
    if what == "viewers":
        tasks = [asyncio.create_task(browse(port, seen)) for _ in range(count)]
    else:
        tasks = []
        for _ in range(count):
            tasks.append(asyncio.create_task(look_on(port, seen, asyncio.Event())))
            if len(tasks) % 100 == 0:
                await asyncio.sleep(0.05)
    began = time.monotonic()
    while seen.ready < count and time.monotonic() - began < 300:
        await asyncio.sleep(0.2)
    opened = time.monotonic() - began
    await asyncio.sleep(3)
    cpu, events, begun = hub.cpu, seen.events, time.monotonic()
    seen.taken.clear()
    seen.same = seen.bytes = 0
    await asyncio.sleep(seconds)
    took = time.monotonic() - begun
    share = (hub.cpu - cpu) / took
    print(f"{seen.ready:,} {what}: open after {opened:.0f} s, {hub.resident} MiB ({hub.resident - before:+} MiB)")
    print(f"  {share:.2f} of a core, {(seen.events - events) / took:,.0f} events a second to all of them together")
    if seen.taken:
        p95 = statistics.quantiles(seen.taken, n=20, method="inclusive")[-1]
        asked = len(seen.taken) / took
        print(
            f"  {asked:.0f} answers a second, p95 {p95 * 1000:.0f} ms, {seen.same / len(seen.taken):.0%} of them 304,",
            end=" ",
        )
        print(f"{seen.bytes / took / 1024:,.0f} KiB a second")
    for one in tasks:
        one.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--each", type=float, default=2.0, help="seconds between two changes")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    database, over = open_database(settings()), threading.Event()
    print(f"{describe(database)}; five placements change every {given.each:g} s, and change back")
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as folder, (Path(folder) / "log").open("wb") as log:
        command = [sys.executable, "-m", "benchmarks.viewers", "--serve", folder]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=os.environ)
        ready = Path(folder) / "ready"
        wait_until(ready.exists, process=process, what=f"the API ({folder}/log)")
        hub, port = Api("", process.pid), int(ready.read_text())
        changing = threading.Thread(target=change, args=(database, over, given.each), daemon=True)
        changing.start()
        try:
            for what, count in (("viewers", given.viewers), ("streams", given.streams)):
                if count:
                    asyncio.run(measure(what, hub, port, count, given.seconds))
        finally:
            over.set()
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
