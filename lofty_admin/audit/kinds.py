"""The closed list of event kinds and outcomes, with their labels. An unknown kind is an error.

The record holds the values; the labels are for pages, in the reader's language.
"""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    """What happened. `.label` reads after a name: "Olivia Owner changed settings"."""

    SETTINGS_INTENT = "settings.intent", _("started to change settings")
    SETTINGS_OUTCOME = "settings.outcome", _("changed settings")
    SETTINGS_REFUSED = "settings.refused", _("tried to change settings")
    SETTINGS_SEEN_CHANGED = (
        "settings.seen_changed",
        _("detected a change made in Lofty"),
    )
    DRAFT_SHARED = "draft.shared", _("shared a draft of changes")
    DRAFT_UNSHARED = "draft.unshared", _("stopped sharing a draft of changes")
    DRAFT_DISCARDED = "draft.discarded", _("discarded a shared draft of changes")
    TENANT_ADDED = "tenant.added", _("added the tenant")
    TENANT_CHANGED = "tenant.changed", _("changed the tenant")
    TENANT_ARCHIVED = "tenant.archived", _("archived the tenant")
    TENANT_RESTORED = "tenant.restored", _("restored the tenant")
    GROUP_ADDED = "group.added", _("added a group of tenants")
    GROUP_CHANGED = "group.changed", _("changed a group of tenants")
    GROUP_DELETED = "group.deleted", _("deleted a group of tenants")
    IMPORT_READ = "import.read", _("uploaded tenants to import")
    IMPORT_STARTED = "import.started", _("started an import of tenants")
    IMPORT_FINISHED = "import.finished", _("finished an import of tenants")
    IMPORT_FORGOTTEN = "import.forgotten", _("deleted an upload of tenants")
    # A tenant's connection: these were recorded as "credential" from the first version on.
    CREDENTIAL_ADDED = "credential.added", _("added a connection")
    CREDENTIAL_REPLACED = "credential.replaced", _("replaced the connection")
    CREDENTIAL_REMOVED = "credential.removed", _("removed the connection")
    CREDENTIAL_TESTED = "credential.tested", _("tested the connection")
    CREDENTIAL_FAILED = "credential.failed", _("found that the connection does not work")
    CREDENTIAL_RECOVERED = "credential.recovered", _("found that the connection works again")
    CREDENTIAL_RENEWED = "credential.renewed", _("renewed the connection")
    CONNECTION_BEGUN = "connection.begun", _("started to connect with Lofty")
    CONNECTION_ENDED = "connection.ended", _("did not connect with Lofty")
    AGENT_CHANGED = "tenant.agent_changed", _("accepted another Sales Agent for the tenant")
    VAULT_ROTATED = "vault.rotated", _("re-encrypted tokens with the current key")
    MEMBER_ADDED = "member.added", _("granted access")
    MEMBER_CHANGED = "member.changed", _("changed access")
    MEMBER_REMOVED = "member.removed", _("removed access")
    ACCESS_DENIED = "access.denied", _("denied access")
    DENIAL_LIFTED = "access.denial_lifted", _("removed a denial of access")
    PERSON_ADDED = "person.added", _("added a user")
    PERSON_CHANGED = "person.changed", _("changed a user")
    PERSON_DEACTIVATED = "person.deactivated", _("deactivated a user")
    PERSON_REACTIVATED = "person.reactivated", _("reactivated a user")
    INVITATION_SENT = "invitation.sent", _("invited a user")
    INVITATION_WITHDRAWN = "invitation.withdrawn", _("withdrew an invitation")
    INVITATION_ACCEPTED = "invitation.accepted", _("accepted an invitation")
    SIGNED_IN = "session.signed_in", _("signed in")
    SIGN_IN_FAILED = "session.sign_in_failed", _("failed to sign in")
    SIGNED_OUT = "session.signed_out", _("signed out")
    SESSIONS_ENDED = "session.ended", _("ended sessions")
    SESSION_EXPIRED = "session.expired", _("was signed out at the time limit")
    PROOF_FAILED = "session.proof_failed", _("failed to re-authenticate")
    SECOND_STEP_ADDED = "mfa.added", _("added a second factor")
    SECOND_STEP_REMOVED = "mfa.removed", _("removed a second factor")
    RECOVERY_CODES_MADE = "mfa.codes_made", _("created new recovery codes")
    RECOVERY_CODE_USED = "mfa.code_used", _("used a recovery code")
    SECOND_STEPS_RESEALED = "mfa.resealed", _("re-encrypted second factors with a new key")
    SINGLE_SIGN_ON_LINKED = "sso.linked", _("connected single sign-on")
    SINGLE_SIGN_ON_UNLINKED = "sso.unlinked", _("disconnected single sign-on")
    PASSWORD_CHANGED = "password.changed", _("changed their password")
    ACCESS_REFUSED = "access.refused", _("was denied access")
    REFUSALS_COUNTED = "access.refusals_counted", _("recorded a count of further denials")
    DIRECTORY_SYNCED = "directory.synced", _("synced names")
    NAME_GIVEN = "directory.name_given", _("added a name for an ID")
    LOG_VERIFIED = "audit.verified", _("verified the audit log")
    LOG_EXPORTED = "audit.exported", _("exported the history")
    RESTORE_ACKNOWLEDGED = (
        "audit.restore_acknowledged",
        _("confirmed that an older database is intended"),
    )


# The kinds that tell which connection of a tenant was stored last. They are queried before each use
# of a token, so they have an index of their own.
CREDENTIAL_STORED = (
    Kind.CREDENTIAL_ADDED,
    Kind.CREDENTIAL_REPLACED,
    Kind.CREDENTIAL_RENEWED,
    Kind.CREDENTIAL_REMOVED,
)
# The kinds that show a change of settings, or the outcome of an attempt. They have an index too.
CHANGES = (Kind.SETTINGS_OUTCOME, Kind.SETTINGS_SEEN_CHANGED)
# The subject of a refused sign-in that named no user.
UNKNOWN_USER = "unknown user"


class Outcome(TextChoices):
    """The outcome of an event. The first five are those of a save; their labels are fixed."""

    VERIFIED = "verified", _("Verified")
    NOT_APPLIED = "not_applied", _("Not applied")
    REJECTED = "rejected", _("Rejected")
    NOT_SENT = "not_sent", _("Not sent")
    UNKNOWN = "unknown", _("Unknown")
    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")
