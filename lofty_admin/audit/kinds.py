"""The closed list of what can be recorded, and the words for it. An unknown kind is an error."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """What happened. `.label` reads after a name: "Olivia Owner changed settings"."""

    SETTINGS_INTENT = "settings.intent", "started to change settings"
    SETTINGS_OUTCOME = "settings.outcome", "changed settings"
    SETTINGS_REFUSED = "settings.refused", "tried to change settings"
    SETTINGS_SEEN_CHANGED = "settings.seen_changed", "saw that settings were changed elsewhere"
    TENANT_ADDED = "tenant.added", "added the tenant"
    TENANT_CHANGED = "tenant.changed", "changed the tenant"
    TENANT_ARCHIVED = "tenant.archived", "archived the tenant"
    TENANT_RESTORED = "tenant.restored", "restored the tenant"
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
    PERSON_ADDED = "person.added", "added a person"
    PERSON_CHANGED = "person.changed", "changed a person"
    PERSON_DEACTIVATED = "person.deactivated", "deactivated a person"
    SIGNED_IN = "session.signed_in", "signed in"
    SIGN_IN_FAILED = "session.sign_in_failed", "failed to sign in"
    SIGNED_OUT = "session.signed_out", "signed out"
    PASSWORD_CHANGED = "password.changed", "changed their password"
    ACCESS_REFUSED = "access.refused", "was refused access"
    DIRECTORY_SYNCED = "directory.synced", "refreshed the names"
    NAME_GIVEN = "directory.name_given", "gave a name to an id"
    LOG_VERIFIED = "audit.verified", "verified the audit log"


class Outcome(TextChoices):
    """What came of it. The first five are the outcomes of a save; their words are fixed."""

    VERIFIED = "verified", "Verified"
    NOT_APPLIED = "not_applied", "Not applied"
    REJECTED = "rejected", "Rejected"
    NOT_SENT = "not_sent", "Not sent"
    UNKNOWN = "unknown", "Unknown"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
