"""Where the pages' files are, and which paths are pages."""

from pathlib import Path

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"
BUILT = HERE.parent / "web" / "dist"
"""What ``console.web.build`` makes."""
ASSETS = "/assets/"
SECTIONS = frozenset(
    {"", "access", "applications", "audit", "clusters", "commits", "drift", "faults", "placements", "runs", "waiting"}
)
"""First parts of the paths of pages, as ``console/web/src/app/router.tsx`` has them."""


def is_page(path: str) -> bool:
    """Return whether a path is one of the console's pages or files, which hold no data and are given to anybody."""
    return path.startswith(ASSETS) or path.lstrip("/").partition("/")[0] in SECTIONS
