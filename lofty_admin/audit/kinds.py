"""The closed list of what can be recorded, and the words for it. An unknown kind is an error."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """What happened. `.label` reads after a name: "Olivia Owner changed settings"."""

    SETTINGS_INTENT = "settings.intent", "started to change settings"
    SETTINGS_OUTCOME = "settings.outcome", "changed settings"
    SETTINGS_REFUSED = "settings.refused", "tried to change settings"
    SETTINGS_SEEN_CHANGED = (
        "settings.seen_changed",
        "saw a change made in Lofty itself",
    )
    TENANT_ADDED = "tenant.added", "added the tenant"
    TENANT_CHANGED = "tenant.changed", "changed the tenant"
    TENANT_ARCHIVED = "tenant.archived", "archived the tenant"
    TENANT_RESTORED = "tenant.restored", "restored the tenant"
    GROUP_ADDED = "group.added", "added a group of tenants"
    GROUP_CHANGED = "group.changed", "changed a group of tenants"
    GROUP_DELETED = "group.deleted", "deleted a group of tenants"
    IMPORT_READ = "import.read", "uploaded a list of tenants"
    IMPORT_STARTED = "import.started", "started to add tenants from a list"
    IMPORT_FINISHED = "import.finished", "added tenants from a list"
    IMPORT_FORGOTTEN = "import.forgotten", "deleted an uploaded list of tenants"
    CREDENTIAL_ADDED = "credential.added", "added a credential"
    CREDENTIAL_REPLACED = "credential.replaced", "replaced the credential"
    CREDENTIAL_REMOVED = "credential.removed", "removed the credential"
    CREDENTIAL_TESTED = "credential.tested", "tested the credential"
    CREDENTIAL_FAILED = "credential.failed", "found that the credential does not work"
    CREDENTIAL_RECOVERED = "credential.recovered", "found that the credential works again"
    CREDENTIAL_RENEWED = "credential.renewed", "renewed the credential"
    CONNECTION_BEGUN = "connection.begun", "went to Lofty to connect"
    CONNECTION_ENDED = "connection.ended", "did not connect with Lofty"
    AGENT_CHANGED = "tenant.agent_changed", "accepted another Sales Agent for the tenant"
    VAULT_ROTATED = "vault.rotated", "sealed secrets under the current key"
    MEMBER_ADDED = "member.added", "gave access"
    MEMBER_CHANGED = "member.changed", "changed access"
    MEMBER_REMOVED = "member.removed", "took away access"
    ACCESS_DENIED = "access.denied", "denied access"
    DENIAL_LIFTED = "access.denial_lifted", "lifted a denial of access"
    PERSON_ADDED = "person.added", "added a person"
    PERSON_CHANGED = "person.changed", "changed a person"
    PERSON_DEACTIVATED = "person.deactivated", "deactivated a person"
    PERSON_REACTIVATED = "person.reactivated", "let a deactivated person in again"
    INVITATION_SENT = "invitation.sent", "invited a person"
    INVITATION_WITHDRAWN = "invitation.withdrawn", "withdrew an invitation"
    INVITATION_ACCEPTED = "invitation.accepted", "accepted an invitation"
    SIGNED_IN = "session.signed_in", "signed in"
    SIGN_IN_FAILED = "session.sign_in_failed", "failed to sign in"
    SIGNED_OUT = "session.signed_out", "signed out"
    SESSIONS_ENDED = "session.ended", "ended sessions"
    SESSION_EXPIRED = "session.expired", "was signed out after the time limit"
    PROOF_FAILED = "session.proof_failed", "failed to prove who they are"
    SECOND_STEP_ADDED = "mfa.added", "added a second step for signing in"
    SECOND_STEP_REMOVED = "mfa.removed", "removed a second step for signing in"
    RECOVERY_CODES_MADE = "mfa.codes_made", "made new recovery codes"
    RECOVERY_CODE_USED = "mfa.code_used", "used a recovery code"
    SECOND_STEPS_RESEALED = "mfa.resealed", "sealed second steps under a new key"
    SINGLE_SIGN_ON_LINKED = "sso.linked", "connected single sign-on"
    SINGLE_SIGN_ON_UNLINKED = "sso.unlinked", "disconnected single sign-on"
    PASSWORD_CHANGED = "password.changed", "changed their password"
    ACCESS_REFUSED = "access.refused", "was refused access"
    DIRECTORY_SYNCED = "directory.synced", "refreshed the names"
    NAME_GIVEN = "directory.name_given", "gave a name to an id"
    LOG_VERIFIED = "audit.verified", "verified the audit log"
    LOG_EXPORTED = "audit.exported", "exported the history"
    RESTORE_ACKNOWLEDGED = "audit.restore_acknowledged", "said that an older database is meant"


# What says which credential of a tenant was stored last: asked before each use of a token, so these
# have an index of their own.
CREDENTIAL_STORED = (
    Kind.CREDENTIAL_ADDED,
    Kind.CREDENTIAL_REPLACED,
    Kind.CREDENTIAL_RENEWED,
    Kind.CREDENTIAL_REMOVED,
)
# What tells that settings are other than before, or what came of trying: these have one too.
CHANGES = (Kind.SETTINGS_OUTCOME, Kind.SETTINGS_SEEN_CHANGED)
# The subject of a refused sign-in that named nobody.
SOMEBODY = "somebody unknown"


class Outcome(TextChoices):
    """What came of it. The first five are the outcomes of a save; their words are fixed."""

    VERIFIED = "verified", "Verified"
    NOT_APPLIED = "not_applied", "Not applied"
    REJECTED = "rejected", "Rejected"
    NOT_SENT = "not_sent", "Not sent"
    UNKNOWN = "unknown", "Unknown"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
