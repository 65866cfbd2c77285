"""Registry documents as text, with room for what a test is about."""

from __future__ import annotations

from collections.abc import Mapping

from common.registry import Fault, ParsedRegistry, parse
from common.registry.documents import Documents

FLEET = "kind: Fleet\nmetadata: {name: acme}\nspec:\n  labels: {env: [dev, prod], region: [eu, us]}\n"


def cluster(name: str, *, env: str = "prod", region: str = "eu", more: str = "") -> str:
    """Return a Cluster; ``more`` is put into its spec."""
    return (
        f"kind: Cluster\nmetadata: {{name: {name}, labels: {{env: {env}, region: {region}}}}}\n"
        f"spec: {{server: 'https://{name}.example.com', credentials: {{secretRef: clusters/{name}}}{more}}}\n"
    )


def application(name: str = "pay", *, target: str = "select: {matchLabels: {env: prod}}", more: str = "") -> str:
    """Return an Application with one target; ``more`` holds lines of its spec, indented by two."""
    return (
        f"kind: Application\nmetadata: {{name: {name}}}\nspec:\n"
        "  source: {repo: 'https://git.example.com/pay.git', ref: {branch: main}}\n"
        "  namespace: pay\n"
        f"  targets: [{{name: all, {target}}}]\n{more}"
    )


def project(name: str = "team", *, more: str = "") -> str:
    """Return a Project that may use everything in ``teams/NAME``; ``more`` holds lines of its spec."""
    return (
        f"kind: Project\nmetadata: {{name: {name}}}\nspec:\n  paths: ['teams/{name}/**']\n  repos: ['**']\n"
        f"  clusters: {{all: true}}\n  namespaces: {{allow: ['*']}}\n  clusterKinds: {{}}\n{more}"
    )


def registry(**more: str) -> dict[str, str]:
    """Return a small registry in order, with ``more`` files: ``teams_pay`` is ``teams/pay.yaml``."""
    files = {"fleet.yaml": FLEET, "clusters.yaml": documents(cluster("c1"), cluster("c2", region="us"))}
    return files | {f"{name.replace('_', '/')}.yaml": text for name, text in more.items()}


def documents(*texts: str) -> str:
    """Return several documents as one file."""
    return "---\n".join(texts)


def parsed(files: Mapping[str, str], last: ParsedRegistry | Documents | None = None) -> ParsedRegistry:
    """Return what the files amount to after ``last``, whose documents pass through their stored form."""
    good = last.documents if isinstance(last, ParsedRegistry) else last
    stored = None if good is None else Documents.from_json(good.to_json())
    return parse({name: text.encode() for name, text in files.items()}, stored)


def in_order(files: Mapping[str, str], last: ParsedRegistry | None = None) -> ParsedRegistry:
    """Return what files amount to that must have no fault."""
    result = parsed(files, last)
    assert result.faults == ()
    assert not result.refused
    return result


def lines(faults: tuple[Fault, ...]) -> list[str]:
    """Return faults as ``file:line: what``."""
    return [f"{fault.file}:{fault.line}: {fault.what}" for fault in faults]


def placed(result: ParsedRegistry) -> dict[str, str]:
    """Return the dispositions of all placements by their printed name."""
    assert result.fleet is not None
    return {str(placement.ref): placement.disposition.value for placement in result.fleet.placements()}
