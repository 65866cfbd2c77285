"""What the hand-over says alike from whatever tool."""

from __future__ import annotations

from collections.abc import Sequence

from console.importing.foreign import Foreign
from console.importing.nesting import named
from console.importing.outcome import Draft, Step

_MOST_SEEN = 3


def looks(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Return the commands that show what a first sync would change: of an application on many clusters, on three."""
    lines = []
    for draft in drafts:
        clusters = draft.clusters or ("CLUSTER",)
        seen = [f"flotilla diff {cluster}/{draft.name}" for cluster in clusters[:_MOST_SEEN]]
        if len(clusters) > _MOST_SEEN:
            seen[-1] += f"  # and on {len(clusters) - _MOST_SEEN} more"
        lines += seen
    return tuple(lines)


def out_of_git(tool: str, parents: Sequence[Foreign]) -> tuple[Step, ...]:
    """Return the step that takes a tool's own objects out of what applies them; none where nothing does."""
    if not parents:
        return ()
    return (
        Step(
            f"Take {tool}'s own objects out of what these apply, in Git; while they are suspended, that deletes "
            f"nothing. Otherwise Flotilla would put them back when you delete them: {named(parents)}."
        ),
    )


def switch(left: Sequence[Draft]) -> str:
    """Return what is to be switched on, but for applications that the hand-over leaves out."""
    names = ", ".join(draft.name for draft in left)
    those = f" for what you saw the difference of, but not for what is left out: {names}" if left else ""
    return f"Set `sync.mode: enforce`{those} and commit: the next run takes over."
