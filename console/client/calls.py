"""The operations of the API, each as a call."""

# Written by console.client.generate from docs/reference/openapi.json.
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from console.client import models


def path(*parts: object) -> str:
    """Return a path below the API's, of names that may hold anything."""
    return "/".join(quote(str(part), safe="") for part in parts)


class Calls(ABC):
    """An operation is called as the API's description calls it."""

    @abstractmethod
    def get(self, target: str, **query: Any) -> Any:
        """Return the answer to a read."""

    @abstractmethod
    def send_body(
        self, method: str, target: str, body: Mapping[str, Any] | None, headers: Mapping[str, str] = ..., **query: str
    ) -> Any:
        """Return the answer to a write."""

    def get_status(self, *, cluster: str = "", application: str = "", label: Sequence[str] = ()) -> models.StatusAnswer:
        """Return how the work goes, then counts, faults and open approvals; `wrong` is whether somebody should look."""
        found: models.StatusAnswer = self.get("status", cluster=cluster, application=application, label=label)
        return found

    def get_clusters(
        self,
        *,
        show: str = "",
        cluster: str = "",
        application: str = "",
        label: Sequence[str] = (),
    ) -> list[models.ClusterView]:
        """Return clusters by name."""
        found: list[models.ClusterView] = self.get(
            "clusters",
            show=show,
            cluster=cluster,
            application=application,
            label=label,
        )
        return found

    def get_problems(
        self,
        *,
        limit: int | None = None,
        cluster: str = "",
        application: str = "",
        label: Sequence[str] = (),
    ) -> models.Problems:
        """Return what is wrong with placements, the worst first; those of which the same is said stand together."""
        found: models.Problems = self.get(
            "problems",
            limit=limit,
            cluster=cluster,
            application=application,
            label=label,
        )
        return found

    def get_placements(
        self,
        *,
        sync: str = "",
        health: str = "",
        paused: bool | None = None,
        show: str = "",
        cluster: str = "",
        application: str = "",
        label: Sequence[str] = (),
        after: str = "",
        limit: int | None = None,
        format: str = "",
        fields: str = "",
    ) -> models.PagePlacementView:
        """Return placements by cluster and application; those with problems alone, the worst first."""
        found: models.PagePlacementView = self.get(
            "placements",
            sync=sync,
            health=health,
            paused=paused,
            show=show,
            cluster=cluster,
            application=application,
            label=label,
            after=after,
            limit=limit,
            format=format,
            fields=fields,
        )
        return found

    def get_picture(
        self,
        *,
        cluster: str = "",
        application: str = "",
        label: Sequence[str] = (),
    ) -> models.PictureAnswer:
        """Return every placement as one byte: clusters by applications, with its health and sync status."""
        found: models.PictureAnswer = self.get("fleet/picture", cluster=cluster, application=application, label=label)
        return found

    def get_placement(self, cluster: str, application: str) -> models.PlacementAnswer:
        """Return one placement with its inventory and its links."""
        found: models.PlacementAnswer = self.get(path("placements", cluster, application))
        return found

    def get_runs(
        self,
        *,
        cluster: str = "",
        application: str = "",
        state: str = "",
        outcome: str = "",
        after: str = "",
        limit: int | None = None,
        format: str = "",
        fields: str = "",
    ) -> models.PageRunView:
        """Return runs, newest first."""
        found: models.PageRunView = self.get(
            "runs",
            cluster=cluster,
            application=application,
            state=state,
            outcome=outcome,
            after=after,
            limit=limit,
            format=format,
            fields=fields,
        )
        return found

    def get_run(self, run_id: str) -> models.RunAnswer:
        """Return one run with its attempts, what they did to each object, and what to do next."""
        found: models.RunAnswer = self.get(path("runs", run_id))
        return found

    def get_drift(self, *, hours: float | None = None) -> list[models.DriftView]:
        """Return the placements that differ now from what was applied, or were corrected in the last hours."""
        found: list[models.DriftView] = self.get("drift", hours=hours)
        return found

    def get_drift_groups(self, *, hours: float | None = None) -> models.DriftGroups:
        """Return the same once for all placements that drifted alike: by the fields that differ, first what differs now."""
        found: models.DriftGroups = self.get("drift/groups", hours=hours)
        return found

    def get_leftovers(
        self,
        *,
        after: str = "",
        limit: int | None = None,
        format: str = "",
        fields: str = "",
    ) -> models.PageLeftoverView:
        """Return what is on clusters and is not in Git, orphans first."""
        found: models.PageLeftoverView = self.get("leftovers", after=after, limit=limit, format=format, fields=fields)
        return found

    def get_approvals(
        self,
        *,
        state: str = "",
        after: str = "",
        limit: int | None = None,
        format: str = "",
        fields: str = "",
    ) -> models.PageApprovalView:
        """Return approvals in a state, or in `all`, the latest first."""
        found: models.PageApprovalView = self.get(
            "approvals",
            state=state,
            after=after,
            limit=limit,
            format=format,
            fields=fields,
        )
        return found

    def get_faults(
        self,
        *,
        after: str = "",
        limit: int | None = None,
        format: str = "",
        fields: str = "",
    ) -> models.PageFaultView:
        """Return what is wrong and a person should see, by what it is about."""
        found: models.PageFaultView = self.get("faults", after=after, limit=limit, format=format, fields=fields)
        return found

    def get_why(self, cluster: str, application: str) -> models.WhyAnswer:
        """Return why a placement is as it is, and what to do next."""
        found: models.WhyAnswer = self.get(path("placements", cluster, application, "why"))
        return found

    def get_commit(self, name: str, *, repo: str = "") -> models.Reach:
        """Return how far a commit has come."""
        found: models.Reach = self.get(path("commits", name), repo=repo)
        return found

    def get_versions(self, application: str) -> list[models.Version]:
        """Return which version of an application runs where, the newest first."""
        found: list[models.Version] = self.get(path("applications", application, "versions"))
        return found

    def get_comparison(
        self,
        cluster: str,
        application: str,
        other_cluster: str,
        other_application: str,
    ) -> models.Comparison:
        """Return in what two placements differ: revisions, values with who gave them, and objects."""
        found: models.Comparison = self.get(
            path("placements", cluster, application, "compare", other_cluster, other_application),
        )
        return found

    def get_events(
        self,
        *,
        cluster: str = "",
        application: str = "",
        kind: Sequence[str] = (),
        after: str = "",
        limit: int | None = None,
    ) -> models.EventPage:
        """Return the events behind a position; without one the latest. Either way the oldest of them comes first."""
        found: models.EventPage = self.get(
            "events",
            cluster=cluster,
            application=application,
            kind=kind,
            after=after,
            limit=limit,
        )
        return found

    def post_plan(self, body: models.Files) -> models.PlanAnswer:
        """Return what a registry would change if it were committed now; nothing is stored."""
        found: models.PlanAnswer = self.send_body("POST", "plan", body)
        return found

    def get_explanation(self, cluster: str, application: str) -> models.Explanation:
        """Return where a placement comes from: files and lines, target, source, and every value with who gave it."""
        found: models.Explanation = self.get(path("placements", cluster, application, "explain"))
        return found

    def get_search(self, *, q: str) -> models.SearchAnswer:
        """Return clusters, applications, placements, commits and runs that a text may mean."""
        found: models.SearchAnswer = self.get("search", q=q)
        return found

    def post_inspection(self, body: models.InspectionQuestion) -> models.InspectionView:
        """Ask for a look at a placement on its cluster; ``GET`` of the ``Location`` has what came of it, for 10 minutes."""
        found: models.InspectionView = self.send_body("POST", "inspections", body)
        return found

    def post_operation(self, body: models.Operation) -> models.InspectionView:
        """Have something done to a running object of a placement; ``GET`` of the ``Location`` has what came of it."""
        found: models.InspectionView = self.send_body("POST", "operations", body)
        return found

    def get_inspection(self, inspection_id: str) -> models.InspectionView:
        """Return an inspection as it stands, to who may ask for it."""
        found: models.InspectionView = self.get(path("inspections", inspection_id))
        return found

    def post_intent(self, body: models.NewRequest, *, if_match: str = "", idempotency_key: str = "") -> models.Wanted:
        """Ask for something to be done, or see what that would be."""
        found: models.Wanted = self.send_body(
            "POST",
            "intents",
            body,
            {"If-Match": if_match, "Idempotency-Key": idempotency_key},
        )
        return found

    def post_intent_preview(
        self,
        body: models.NewRequest,
        *,
        if_match: str = "",
        idempotency_key: str = "",
    ) -> models.Preview:
        """Ask for something to be done, or see what that would be."""
        found: models.Preview = self.send_body(
            "POST",
            "intents",
            body,
            {"If-Match": if_match, "Idempotency-Key": idempotency_key},
            preview="true",
        )
        return found

    def get_intent(self, intent_id: int) -> models.IntentView:
        """Return what came of a request so far: one's own, or of a project in which one may read."""
        found: models.IntentView = self.get(path("intents", intent_id))
        return found

    def get_audit(
        self,
        *,
        actor: str = "",
        action: str = "",
        subject: str = "",
        project: str = "",
        outcome: str = "",
        since: str = "",
        until: str = "",
        after: str = "",
        limit: int | None = None,
        format: str = "",
        fields: str = "",
    ) -> models.PageAuditView:
        """Return who did what in the projects in which the caller may read, the latest first."""
        found: models.PageAuditView = self.get(
            "audit",
            actor=actor,
            action=action,
            subject=subject,
            project=project,
            outcome=outcome,
            since=since,
            until=until,
            after=after,
            limit=limit,
            format=format,
            fields=fields,
        )
        return found

    def get_hooks(self) -> list[models.HookView]:
        """Return the hooks, and what this process of the API received for each since it was started."""
        found: list[models.HookView] = self.get("hooks")
        return found

    def get_me(self) -> models.Me:
        """Return who asks, by what they have shown it, what they may do where, and which roles give that."""
        found: models.Me = self.get("me")
        return found

    def get_sessions(self, *, all: bool | None = None) -> list[models.SessionView]:
        """Return the sessions that are open, newest first."""
        found: list[models.SessionView] = self.get("sessions", all=all)
        return found

    def delete_session(self, session_id: int) -> models.SessionView:
        """End a session: one's own, or as an admin anybody's."""
        found: models.SessionView = self.send_body("DELETE", path("sessions", session_id), None)
        return found

    def get_tokens(self, *, all: bool | None = None) -> list[models.TokenView]:
        """Return the tokens that were made, newest first."""
        found: list[models.TokenView] = self.get("tokens", all=all)
        return found

    def post_token(self, body: models.TokenWanted) -> models.NewToken:
        """Make a token, which is told this once; one that was made with a token gives no more and ends no later."""
        found: models.NewToken = self.send_body("POST", "tokens", body)
        return found

    def delete_token(self, token_id: int) -> models.TokenView:
        """End a token, and those that were made with it: one's own, or as an admin anybody's."""
        found: models.TokenView = self.send_body("DELETE", path("tokens", token_id), None)
        return found

    def get_users(self) -> list[models.UserView]:
        """Return everybody who may sign in or has signed in, by issuer and name."""
        found: list[models.UserView] = self.get("users")
        return found

    def post_user(self, body: models.NewUser) -> models.UserView:
        """Add a user of this hub's own."""
        found: models.UserView = self.send_body("POST", "users", body)
        return found

    def patch_user(self, user_id: int, body: models.Change) -> models.UserView:
        """Change a user: what of it is given. Whom a provider vouches for has neither a password nor groups here."""
        found: models.UserView = self.send_body("PATCH", path("users", user_id), body)
        return found

    def delete_user(self, user_id: int) -> models.UserView:
        """Remove a user, with their sessions and tokens; the audit keeps what they did."""
        found: models.UserView = self.send_body("DELETE", path("users", user_id), None)
        return found

    def post_own_password(self, body: models.OwnPassword) -> models.UserView:
        """Change one's own password, of which the former one is asked for; all other sessions end."""
        found: models.UserView = self.send_body("POST", "me/password", body)
        return found
