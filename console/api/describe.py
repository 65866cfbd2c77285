"""``python -m console.api.describe``: writes the API's description into docs/reference/openapi.json.

Programs get the types of what the API takes and answers from that file; the client of commands is made of it here.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from console.api.reads import openapi
from console.api.routes import include
from console.client import generate

FILE = Path("docs/reference/openapi.json")


def described() -> str:
    """Return the description of the API of this version."""
    app = FastAPI()
    include(app)
    return openapi.text(app)


if __name__ == "__main__":
    FILE.write_text(described(), encoding="utf-8")
    generate.write(described())
