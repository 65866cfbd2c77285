"""Pages as HTML, of templates that escape whatever is put into them."""

from __future__ import annotations

from fastapi import Response, status
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from console.api.serving.paths import TEMPLATES

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True), undefined=StrictUndefined
)


def page(template: str, code: int = status.HTTP_200_OK, **values: object) -> Response:
    """Return a template filled with values."""
    html = _templates.get_template(template).render(**values)
    return Response(html, code, media_type="text/html; charset=utf-8")
