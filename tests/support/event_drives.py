"""How each state change is driven, and why the others need no event.

test_coverage.py finds the pages, commands and jobs by itself; whatever it finds must stand here.
"""

import io
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from lofty_admin.accounts import invitations
from lofty_admin.accounts import services as people
from lofty_admin.accounts import tasks as account_tasks
from lofty_admin.accounts.models import User
from lofty_admin.agentsettings import tasks as settings_tasks
from lofty_admin.agentsettings.models import Draft, Operation
from lofty_admin.agentsettings.reconcile import reconcile_operation
from lofty_admin.audit import tasks as audit_tasks
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.log.refusal_limit import MAX_PER_SOURCE
from lofty_admin.audit.models import AuditEvent, AuditHead, RefusalCount
from lofty_admin.directory import tasks as directory_tasks
from lofty_admin.directory.models import Sync
from lofty_admin.directory.sync import open_sync, start_sync
from lofty_admin.fleet import tasks as fleet_tasks
from lofty_admin.fleet.models import Import
from lofty_admin.tenants import services
from lofty_admin.tenants import tasks as connection_tasks
from lofty_admin.tenants.access import grants
from lofty_admin.tenants.access.grants import Scope
from lofty_admin.tenants.credentials import oauth_flow, sales_agent
from lofty_admin.tenants.models import Connection, PendingConnection, Role, Tenant
from tests.support import passkey_device
from tests.support.audit_log import fall_behind, run
from tests.support.invitations import PAGE, accept, code_of
from tests.support.lofty_users import Lofty, connected, ends_in, register_console
from tests.support.oauth_pages import lofty_sends_back
from tests.support.passkey_device import RUBBISH
from tests.support.practice_customer import PracticeCustomer
from tests.support.second_factor import code_at, give_app, give_code, give_codes
from tests.support.second_factor_pages import set_up_app
from tests.support.settings_changes import unknown
from tests.support.settings_pages import review, save
from tests.support.sign_in import opened
from tests.support.sign_in import sign_in as give_password
from tests.support.users import PASSWORD, signed_in
from tests.support.vault_keys import new_key

NEW_PASSWORD = "a much newer battery staple"


@dataclass
class Scene:
    """Acme, connected to a practice Lofty. `root` is a superuser, signed in with `client`;
    `member` may look at Acme, `stranger` has no access. `since`: the number of the last event
    that was there before the thing under test was done."""

    client: Client
    acme: Tenant
    lofty: PracticeCustomer
    root: User
    member: User
    stranger: User
    settings: Settings
    folder: Path
    since: int = 0

    def prepared(self) -> None:
        """Only events from here on count."""
        self.since = AuditHead.objects.get().seq

    def new_kinds(self) -> set[str]:
        return set(AuditEvent.objects.filter(seq__gt=self.since).values_list("kind", flat=True))

    def post(self, name: str, /, *more: object, **data: object) -> None:
        """POST to an address of Acme's."""
        self.client.post(reverse(name, args=["acme", *more]), data)

    def post_of(self, name: str, person: User, /, **data: object) -> None:
        """POST to an address of this person's."""
        self.client.post(reverse(name, args=[person.pk]), data)

    def oauth(self) -> Lofty:
        """The practice Lofty, at which this console is registered now."""
        return register_console(Lofty(self.lofty.url), self.settings)

    def membership(self) -> int:
        return self.acme.memberships.get(user=self.member).pk

    def unknown(self) -> UUID:
        operation = unknown(self.acme, self.lofty, "drop_after")
        self.prepared()
        return operation.pk

    def needs_person(self) -> UUID:
        operation = unknown(self.acme, self.lofty, "drop_before")
        self.lofty.change(settings={"assistantName": "Carla"})
        assert reconcile_operation(operation).needs_person
        self.prepared()
        return operation.pk


Drive = Callable[[Scene], object]


# --- Pages: by the name of the address ------------------------------------------------------------
def sign_in(scene: Scene) -> None:
    Client().post(reverse("account_login"), {"login": scene.root.email, "password": PASSWORD})


def sign_in_badly(scene: Scene) -> None:
    Client().post(reverse("account_login"), {"login": scene.root.email, "password": "wrong"})


def change_password(scene: Scene) -> None:
    data = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    scene.client.post(reverse("account_change_password"), data)


def restore_tenant(scene: Scene) -> None:
    services.archive_tenant(scene.acme)
    scene.prepared()
    scene.post("tenants:restore")


def refresh_names(scene: Scene) -> None:
    """The page only asks for it; the job, which acts for the same person, records how it went."""
    scene.post("directory:refresh")
    sync = Sync.objects.get()
    directory_tasks.sync_directory(tenant_id=str(scene.acme.pk), sync_id=str(sync.pk))


def close_as_shown(scene: Scene) -> None:
    """A decision holds only for what its page showed."""
    pk = scene.needs_person()
    page = scene.client.get(reverse("agentsettings:operation", args=["acme", pk])).content.decode()
    shown = re.search(r'name="seen" value="(\w+)"', page)
    assert shown is not None
    scene.post("agentsettings:close_as_seen", pk, seen=shown[1])


def add_group(scene: Scene) -> None:
    scene.client.post(reverse("tenants:groups"), {"name": "West coast", "slug": "west"})


def rename_group(scene: Scene) -> None:
    add_group(scene)
    scene.client.post(reverse("tenants:group", args=["west"]), {"name": "West", "slug": "west"})


def delete_group(scene: Scene) -> None:
    add_group(scene)
    scene.client.post(reverse("tenants:group_delete", args=["west"]))


def upload(scene: Scene) -> Import:
    scene.client.post(reverse("fleet:import"), {"pasted": "name,slug\nInitech,initech\n"})
    return Import.objects.get()


def start_list(scene: Scene) -> None:
    scene.client.post(reverse("fleet:import_start", args=[upload(scene).pk]), {"mode": "good"})


def forget_list(scene: Scene) -> None:
    scene.client.post(reverse("fleet:import_forget", args=[upload(scene).pk]))


def begin_with_app(scene: Scene) -> Client:
    """The member has an app, and has given their password."""
    give_app(scene.member)
    scene.prepared()
    client = Client()
    give_password(client, scene.member.email)
    return client


def use_recovery_code(scene: Scene) -> None:
    client = begin_with_app(scene)
    give_code(client, give_codes(scene.member)[0])


def sign_in_with_a_bad_passkey(scene: Scene) -> None:
    client, url = Client(), reverse("mfa_login_webauthn")
    client.get(url, headers={"Accept": "application/json"})
    client.post(url, {"credential": RUBBISH[-1]})


def prove_with_a_bad_code(scene: Scene) -> None:
    give_app(scene.root)
    scene.client.post(reverse("mfa_reauthenticate"), {"code": "123456"})


def prove_with_a_bad_passkey(scene: Scene) -> None:
    passkey_device.set_up(scene.client)
    scene.client.post(reverse("mfa_reauthenticate_webauthn"), {"credential": RUBBISH[-1]})


def make_codes(scene: Scene) -> None:
    give_app(scene.root)
    scene.client.post(reverse("mfa_generate_recovery_codes"))


def remove_app(scene: Scene) -> None:
    scene.client.post(reverse("accounts:step_remove", args=[give_app(scene.root).pk]))


def end_session(scene: Scene) -> None:
    opened(scene.root, agent="elsewhere")
    session = UserSession.objects.get(user_agent="elsewhere")
    scene.client.post(reverse("accounts:session_end", args=[session.pk]))


def end_sessions(scene: Scene) -> None:
    opened(scene.root, agent="elsewhere")
    scene.client.post(reverse("accounts:sessions_end"))


def invited(scene: Scene) -> User:
    user = invitations.invite("new@example.com", page=PAGE)
    scene.prepared()
    return user


def open_withdrawn(scene: Scene) -> None:
    invitations.withdraw(invited(scene))
    Client().post(reverse("accounts:invitation"), {"code": code_of()})


def accept_invitation(scene: Scene) -> None:
    invited(scene)
    accept(Client(), code_of())


def reactivate(scene: Scene) -> None:
    people.deactivate_person(scene.member)
    scene.prepared()
    scene.post_of("tenants:user_reactivate", scene.member)


def demote(scene: Scene) -> None:
    people.set_superuser(scene.member, superuser=True)
    scene.prepared()
    scene.post_of("tenants:user_demote", scene.member, confirmed=1)


def change_right(scene: Scene, level: str) -> None:
    scene.post_of("tenants:user_grant", scene.stranger, where="all", level=level, confirmed=1)


def lift_denial(scene: Scene) -> None:
    grants.deny(scene.stranger, Scope())
    scene.prepared()
    change_right(scene, "nothing")


def connect(scene: Scene) -> Lofty:
    lofty = scene.oauth()
    scene.post("tenants:connect")
    return lofty


def give_connection_up(scene: Scene) -> None:
    connect(scene)
    scene.post("tenants:connect_cancel")


def confirm_connection(scene: Scene) -> None:
    scene.client.get(lofty_sends_back(connect(scene), "acme"))
    scene.post("tenants:connect_confirm", right="on", meant="on")


def accept_agent(scene: Scene) -> None:
    Tenant.objects.update(sales_agent_id=1)
    agent = sales_agent.found_agent(scene.acme)
    scene.post("tenants:connection_agent", sales_agent_id=agent, sure="on")


def share_draft(scene: Scene) -> UUID:
    """Draft a change and share it."""
    review(scene.client, assistantName=["Bella"])
    draft = Draft.objects.get()
    scene.post("agentsettings:draft_share", draft.pk)
    return draft.pk


def unshare_draft(scene: Scene) -> None:
    shared = share_draft(scene)
    scene.prepared()
    scene.post("agentsettings:draft_unshare", shared)


def discard_shared_draft(scene: Scene) -> None:
    shared = share_draft(scene)
    scene.prepared()
    scene.post("agentsettings:draft_discard", shared)


PAGES: dict[str, list[tuple[Drive, Kind]]] = {
    "account_login": [(sign_in, Kind.SIGNED_IN), (sign_in_badly, Kind.SIGN_IN_FAILED)],
    "account_logout": [(lambda s: s.client.post(reverse("account_logout")), Kind.SIGNED_OUT)],
    "account_change_password": [(change_password, Kind.PASSWORD_CHANGED)],
    "account_reauthenticate": [
        (
            lambda s: s.client.post(reverse("account_reauthenticate"), {"password": "wrong"}),
            Kind.PROOF_FAILED,
        )
    ],
    "mfa_authenticate": [
        (lambda s: give_code(begin_with_app(s), code_at()), Kind.SIGNED_IN),
        (lambda s: give_code(begin_with_app(s), "123456"), Kind.SIGN_IN_FAILED),
        (use_recovery_code, Kind.RECOVERY_CODE_USED),
    ],
    "mfa_login_webauthn": [(sign_in_with_a_bad_passkey, Kind.SIGN_IN_FAILED)],
    "mfa_reauthenticate": [(prove_with_a_bad_code, Kind.PROOF_FAILED)],
    "mfa_reauthenticate_webauthn": [(prove_with_a_bad_passkey, Kind.PROOF_FAILED)],
    "mfa_activate_totp": [
        (lambda s: set_up_app(s.client), Kind.SECOND_STEP_ADDED),
        (lambda s: set_up_app(s.client), Kind.RECOVERY_CODES_MADE),
    ],
    "mfa_add_webauthn": [(lambda s: passkey_device.set_up(s.client), Kind.SECOND_STEP_ADDED)],
    "mfa_generate_recovery_codes": [(make_codes, Kind.RECOVERY_CODES_MADE)],
    "accounts:step_remove": [(remove_app, Kind.SECOND_STEP_REMOVED)],
    "accounts:session_end": [(end_session, Kind.SESSIONS_ENDED)],
    "accounts:sessions_end": [(end_sessions, Kind.SESSIONS_ENDED)],
    "accounts:invitation": [(open_withdrawn, Kind.ACCESS_REFUSED)],
    "accounts:invitation_accept": [(accept_invitation, Kind.INVITATION_ACCEPTED)],
    "tenants:user_invite": [
        (
            lambda s: s.client.post(reverse("tenants:user_invite"), {"email": "new@example.com"}),
            Kind.INVITATION_SENT,
        )
    ],
    "tenants:user_invite_again": [
        (lambda s: s.post_of("tenants:user_invite_again", invited(s)), Kind.INVITATION_SENT)
    ],
    "tenants:user_withdraw": [
        (
            lambda s: s.post_of("tenants:user_withdraw", invited(s), confirmed=1),
            Kind.INVITATION_WITHDRAWN,
        )
    ],
    "tenants:user_grant": [
        (lambda s: change_right(s, "10"), Kind.MEMBER_ADDED),
        (lambda s: change_right(s, "denied"), Kind.ACCESS_DENIED),
        (lift_denial, Kind.DENIAL_LIFTED),
    ],
    "tenants:user_deactivate": [
        (
            lambda s: s.post_of("tenants:user_deactivate", s.member, confirmed=1),
            Kind.PERSON_DEACTIVATED,
        )
    ],
    "tenants:user_reactivate": [(reactivate, Kind.PERSON_REACTIVATED)],
    "tenants:user_promote": [
        (
            lambda s: s.post_of(
                "tenants:user_promote", s.member, confirmed=1, typed=s.member.email
            ),
            Kind.PERSON_CHANGED,
        )
    ],
    "tenants:user_demote": [(demote, Kind.PERSON_CHANGED)],
    "tenants:add": [
        (
            lambda s: s.client.post(
                reverse("tenants:add"), {"name": "Initech", "scheme": "api_key"}
            ),
            Kind.TENANT_ADDED,
        )
    ],
    "tenants:edit": [(lambda s: s.post("tenants:edit", name="Acme Two"), Kind.TENANT_CHANGED)],
    "tenants:archive": [(lambda s: s.post("tenants:archive", confirmed=1), Kind.TENANT_ARCHIVED)],
    "tenants:restore": [(restore_tenant, Kind.TENANT_RESTORED)],
    "tenants:connection_test": [
        (lambda s: s.post("tenants:connection_test"), Kind.CREDENTIAL_TESTED)
    ],
    "tenants:connection_replace": [
        (
            lambda s: s.post("tenants:connection_replace", scheme="oauth", token=s.lofty.token),
            Kind.CREDENTIAL_REPLACED,
        )
    ],
    "tenants:connection_remove": [
        (lambda s: s.post("tenants:connection_remove", sure="on"), Kind.CREDENTIAL_REMOVED)
    ],
    "tenants:connection_agent": [(accept_agent, Kind.AGENT_CHANGED)],
    "tenants:connect": [(connect, Kind.CONNECTION_BEGUN)],
    "tenants:connect_cancel": [(give_connection_up, Kind.CONNECTION_ENDED)],
    "tenants:connect_confirm": [(confirm_connection, Kind.CREDENTIAL_REPLACED)],
    "tenants:members": [
        (lambda s: s.post("tenants:members", email=s.stranger.email, role=10), Kind.MEMBER_ADDED)
    ],
    "tenants:member_role": [
        (lambda s: s.post("tenants:member_role", s.membership(), role=20), Kind.MEMBER_CHANGED)
    ],
    "tenants:member_remove": [
        (
            lambda s: s.post("tenants:member_remove", s.membership(), confirmed=1),
            Kind.MEMBER_REMOVED,
        )
    ],
    "directory:refresh": [(refresh_names, Kind.DIRECTORY_SYNCED)],
    "directory:name_source": [
        (lambda s: s.post("directory:name_source", lofty_id="1002", name="Fairs"), Kind.NAME_GIVEN)
    ],
    "agentsettings:apply": [
        (lambda s: save(s.client, review(s.client, assistantName=["Bella"])), Kind.SETTINGS_INTENT),
        (
            lambda s: save(s.client, review(s.client, assistantName=["Dora"])),
            Kind.SETTINGS_OUTCOME,
        ),
    ],
    "agentsettings:draft_share": [(share_draft, Kind.DRAFT_SHARED)],
    "agentsettings:draft_unshare": [(unshare_draft, Kind.DRAFT_UNSHARED)],
    "agentsettings:draft_discard": [(discard_shared_draft, Kind.DRAFT_DISCARDED)],
    "agentsettings:check_now": [
        (lambda s: s.post("agentsettings:check_now", s.unknown()), Kind.SETTINGS_OUTCOME)
    ],
    "agentsettings:close_as_seen": [(close_as_shown, Kind.SETTINGS_OUTCOME)],
    "history:export": [(lambda s: s.post("history:export", format="csv"), Kind.LOG_EXPORTED)],
    "history:export_all": [
        (
            lambda s: s.client.post(reverse("history:export_all"), {"format": "jsonl"}),
            Kind.LOG_EXPORTED,
        )
    ],
    "tenants:groups": [(add_group, Kind.GROUP_ADDED)],
    "tenants:group": [(rename_group, Kind.GROUP_CHANGED)],
    "tenants:group_delete": [(delete_group, Kind.GROUP_DELETED)],
    "fleet:import": [(lambda s: upload(s), Kind.IMPORT_READ)],
    "fleet:import_start": [(start_list, Kind.IMPORT_STARTED)],
    "fleet:import_forget": [(forget_list, Kind.IMPORT_FORGOTTEN)],
}
OPENS_A_REVIEW = "Stores a draft that only its owner sees; sharing and applying it record."
A_BOOKMARK = "Of one person only: the address of a filter under a name. Changes no user's rights."
A_PIN = "Of one person only: which tenants they see first. Changes no user's rights."
PAGES_WITHOUT: dict[str, str] = {
    "set_language": "Which language this browser reads; only a cookie of its own.",
    "tenants:pin": A_PIN,
    "tenants:unpin": A_PIN,
    "history:view_save": A_BOOKMARK,
    "history:view_delete": A_BOOKMARK,
    "agentsettings:review": OPENS_A_REVIEW,
    "agentsettings:draft_edit": OPENS_A_REVIEW,
    "agentsettings:merge": OPENS_A_REVIEW,
    "agentsettings:try_again": OPENS_A_REVIEW,
    "history:go_back": OPENS_A_REVIEW,
    "history:undo": OPENS_A_REVIEW,
    "directory:pasted": "Looks up a pasted list; POST because of its length.",
    "directory:picked": "Names the ids of a picker; POST because there are many.",
    "agentsettings:copy": OPENS_A_REVIEW,
}


# --- Commands: by name and action -----------------------------------------------------------------
def command(*arguments: str, given: str = "") -> Drive:
    """Run it with `given` as its standard input."""

    def drive(scene: Scene) -> None:
        with patch("sys.stdin", io.StringIO(f"{given}\n")):
            call_command(*arguments, stdout=io.StringIO())

    return drive


def reconcile(scene: Scene) -> None:
    scene.unknown()
    call_command("reconcile", stdout=io.StringIO())


def acknowledge(scene: Scene) -> None:
    fall_behind(scene.settings, scene.folder / "anchors")
    run("audit_acknowledge_restore", "--reason", "The disk died")


def create_superuser(scene: Scene) -> None:
    values = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    with patch.dict("os.environ", values):
        command("createsuperuser", "--no-input", "--email", "sue@example.com", "--name", "Sue")(
            scene
        )


def reactivate_by_command(scene: Scene) -> None:
    people.deactivate_person(scene.member)
    command("person", "reactivate", scene.member.email)(scene)


def reset_second_steps(scene: Scene) -> None:
    give_app(scene.member)
    command("person", "reset-mfa", scene.member.email)(scene)


def disconnect(scene: Scene) -> None:
    SocialAccount.objects.create(user=scene.member, provider="https://id.example.com", uid="1")
    command("person", "disconnect-sso", scene.member.email)(scene)


def take_right(scene: Scene) -> None:
    grants.assign(scene.stranger, Scope(), Role.VIEWER)
    command("right", "take", scene.stranger.email, "--all")(scene)


def find_dead_token(scene: Scene) -> None:
    scene.lofty.change(revoke_all=True)
    with suppress(CommandError):  # it ends with 1 when one needs a look
        command("check_tokens", "--all")(scene)


def rotate(scene: Scene) -> None:
    new_key(scene.settings)
    command("rotate_keys")(scene)


ADD_PERSON = ("person", "add", "nia@example.com", "--name", "Nia New", "--password-stdin")
SET_PASSWORD = ("person", "set-password", "viewer@example.com", "--password-stdin")
ADD_TENANT = ("tenant", "add", "initech", "--name", "Initech", "--scheme", "oauth-token")
COMMANDS: dict[str, tuple[Drive, Kind]] = {
    "person add": (command(*ADD_PERSON, given=PASSWORD), Kind.PERSON_ADDED),
    "person set-password": (command(*SET_PASSWORD, given=NEW_PASSWORD), Kind.PASSWORD_CHANGED),
    "person deactivate": (
        command("person", "deactivate", "viewer@example.com"),
        Kind.PERSON_DEACTIVATED,
    ),
    "person reactivate": (reactivate_by_command, Kind.PERSON_REACTIVATED),
    "person reset-mfa": (reset_second_steps, Kind.SECOND_STEP_REMOVED),
    "person disconnect-sso": (disconnect, Kind.SINGLE_SIGN_ON_UNLINKED),
    "right give": (
        command("right", "give", "outsider@example.com", "viewer", "--all"),
        Kind.MEMBER_ADDED,
    ),
    "right deny": (command("right", "deny", "outsider@example.com", "--all"), Kind.ACCESS_DENIED),
    "right take": (take_right, Kind.MEMBER_REMOVED),
    "check_tokens": (find_dead_token, Kind.CREDENTIAL_FAILED),
    "rotate_keys": (rotate, Kind.VAULT_ROTATED),
    "tenant add": (
        command(*ADD_TENANT, "--token-stdin", "--unchecked", given="practice-0123456789abcdef"),
        Kind.TENANT_ADDED,
    ),
    "tenant grant": (
        command("tenant", "grant", "acme", "outsider@example.com", "viewer"),
        Kind.MEMBER_ADDED,
    ),
    "sync_directory": (command("sync_directory", "--tenant", "acme"), Kind.DIRECTORY_SYNCED),
    "reconcile": (reconcile, Kind.SETTINGS_OUTCOME),
    "audit_verify": (lambda scene: run("audit_verify"), Kind.LOG_VERIFIED),
    "audit_export": (
        lambda scene: run("audit_export", "--to", str(scene.folder / "audit.jsonl")),
        Kind.LOG_EXPORTED,
    ),
    "audit_acknowledge_restore": (acknowledge, Kind.RESTORE_ACKNOWLEDGED),
    "createsuperuser": (create_superuser, Kind.PERSON_ADDED),
}
COMMANDS_WITHOUT: dict[str, str] = {
    "audit_index": "Makes the search index from the records again; no record and no proof.",
    "tenant list": "Only reads.",
    "audit_roles": "Prints SQL; whoever runs that is beyond the console.",
    "audit_checkpoint": "Its checkpoint is a signed record itself, and handed outside.",
    "changepassword": "Refuses, and leads to `person set-password`.",
    "account_unsetmultipleprimaryemails": "The console does not use the table it mends.",
    "clearsessions": "Removes sessions that have ended anyway.",
    "collectstatic": "Files, no data.",
    "findstatic": "Only reads.",
    "runserver": "Serves the pages, which record.",
    "remove_stale_contenttypes": "Part of migrating, as the database's owner.",
    "procrastinate": "The worker, whose jobs are below, and its queue.",
}


# --- Jobs: by the name of the task ----------------------------------------------------------------
def read_names(scene: Scene) -> None:
    sync = open_sync(scene.acme)
    directory_tasks.sync_directory(tenant_id=str(scene.acme.pk), sync_id=str(sync.pk))


def read_names_nightly(scene: Scene) -> None:
    directory_tasks.nightly(timestamp=0)
    sync = Sync.objects.get()
    directory_tasks.sync_directory(tenant_id=str(scene.acme.pk), sync_id=str(sync.pk))


def take_names_up(scene: Scene) -> None:
    sync = start_sync(scene.acme)
    Sync.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    directory_tasks.recover(timestamp=0)
    directory_tasks.sync_directory(tenant_id=str(scene.acme.pk), sync_id=str(sync.pk))


def reconcile_job(scene: Scene) -> None:
    scene.unknown()
    settings_tasks.reconcile(timestamp=0)
    assert not Operation.objects.filter(settled_at=None).exists()


def look_again_job(scene: Scene) -> None:
    settings_tasks.look_again(operation_id=str(scene.unknown()))


def add_listed(scene: Scene) -> None:
    start_list(scene)
    fleet_tasks.import_tenants(import_id=str(Import.objects.get().pk))


def renewable(scene: Scene) -> str:
    """The id of a connection whose access token ends soon."""
    stored = connected(scene.acme, scene.oauth())
    ends_in(300)
    scene.prepared()
    return str(stored.pk)


def begin_and_forget(scene: Scene) -> None:
    connect(scene)
    PendingConnection.objects.update(ends_at=timezone.now() - oauth_flow.LIFE)
    connection_tasks.renew_due(timestamp=0)


def probe_dead(scene: Scene) -> None:
    scene.lofty.change(revoke_all=True)
    connection_tasks.probe_due(timestamp=0)
    stored = Connection.objects.get(retired_at=None)
    connection_tasks.probe(credential_id=str(stored.pk))


def leave_a_session(scene: Scene) -> None:
    opened(scene.member)
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(hours=2))
    account_tasks.sessions(timestamp=0)


def sum_up_refusals(scene: Scene) -> None:
    """A minute after a user without a role requested Acme many times."""
    stranger = signed_in(scene.stranger)
    page = reverse("agentsettings:settings", args=["acme"])
    # They are counted by the minute, and a minute may end in between.
    any(stranger.get(page).status_code == 429 for _ in range(3 * MAX_PER_SOURCE))
    RefusalCount.objects.update(minute=F("minute") - timedelta(minutes=5))
    audit_tasks.refusals(timestamp=0)


RECONCILE = "lofty_admin.agentsettings.tasks.reconcile"
JOBS: dict[str, tuple[Drive, Kind]] = {
    "audit.verify": (lambda scene: audit_tasks.verify(timestamp=0), Kind.LOG_VERIFIED),
    "audit.refusals": (sum_up_refusals, Kind.REFUSALS_COUNTED),
    "directory.sync": (read_names, Kind.DIRECTORY_SYNCED),
    "directory.nightly": (read_names_nightly, Kind.DIRECTORY_SYNCED),
    "directory.recover": (take_names_up, Kind.DIRECTORY_SYNCED),
    RECONCILE: (reconcile_job, Kind.SETTINGS_OUTCOME),
    "agentsettings.look_again": (look_again_job, Kind.SETTINGS_OUTCOME),
    "accounts.sessions": (leave_a_session, Kind.SESSION_EXPIRED),
    "tenants.renew_due": (begin_and_forget, Kind.CONNECTION_ENDED),
    "tenants.renew": (
        lambda scene: connection_tasks.renew(credential_id=renewable(scene)),
        Kind.CREDENTIAL_RENEWED,
    ),
    "tenants.probe_due": (probe_dead, Kind.CREDENTIAL_FAILED),
    "tenants.probe": (probe_dead, Kind.CREDENTIAL_FAILED),
    "fleet.import": (add_listed, Kind.IMPORT_FINISHED),
}
JOBS_WITHOUT: dict[str, str] = {
    "worker.pulse": "Notes that jobs run, and changes nothing else.",
    "fleet.tidy": "Erases uploaded rows at their announced end; the tenants added are recorded.",
    "audit.checkpoint": COMMANDS_WITHOUT["audit_checkpoint"],
    "lofty_admin.agentsettings.tasks.prune_old_drafts": "Deletes what was applied or expired.",
    "lofty_admin.agentsettings.tasks.retry_stalled": "Moves jobs in the queue; each records.",
}


# --- Kinds that none of the drives above records --------------------------------------------------
KINDS_WITHOUT: dict[Kind, str] = {
    Kind.CREDENTIAL_ADDED: "Recorded with the first token: tests/tenants/test_connections.py.",
    Kind.CREDENTIAL_RECOVERED: "Recorded by a call that works again: tests/tenants/test_health.py.",
    Kind.SECOND_STEPS_RESEALED: "Recorded by rotate_keys, too: tests/accounts/test_rotation.py.",
    Kind.SETTINGS_REFUSED: "Recorded in place of an outcome: tests/agentsettings/test_services.py.",
    Kind.SETTINGS_SEEN_CHANGED: "Recorded by reading: tests/agentsettings/test_snapshots.py.",
    Kind.SINGLE_SIGN_ON_LINKED: "Recorded by the first sign-in: tests/accounts/test_sso.py.",
}
