"""Second factors: an authenticator app, passkeys, and recovery codes.

allauth's table stores them. Each change and its record are made in one transaction, and secrets are
sealed for their owner.
"""

import hmac
import secrets
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lofty_admin.accounts import totp
from lofty_admin.accounts.models import User
from lofty_admin.accounts.sealing import open_for, owner_of, seal_for
from lofty_admin.accounts.services import keep_a_superuser
from lofty_admin.accounts.sessions import end_everything
from lofty_admin.audit.context import person
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.vault import VaultError

APP = Authenticator.Type.TOTP.value
PASSKEY = Authenticator.Type.WEBAUTHN.value
CODES = Authenticator.Type.RECOVERY_CODES.value
NAMES = {
    APP: gettext_noop("authenticator app"),
    PASSKEY: gettext_noop("passkey"),
    CODES: gettext_noop("recovery codes"),
}
# In the session: the page that a user without a second factor asked for.
AFTER_SECOND_STEP = "console.after_second_step"
SEALED_UNDER = {APP: "secret", CODES: "seed"}


def has_second_step(user: User) -> bool:
    """Return whether an app or a passkey is set up. Recovery codes alone do not count."""
    return bool(_steps(user).exists())


def steps_of(user: User) -> list[Authenticator]:
    """Return a user's apps and passkeys, oldest first."""
    return list(_steps(user).order_by("created_at", "pk"))


def add_app(user: User, secret: str, code: str) -> None:
    """Set up the authenticator app that holds `secret` (base32) and has shown `code`.

    Raises ValidationError when the code is wrong or there is an app already.
    """
    counter = _counter_of(secret, code, after=0)
    if counter is None:
        raise ValidationError(_("Wrong code. Enter the one your app shows now."))
    data = {"secret": seal_for(user.pk, secret), "counter": counter}
    with transaction.atomic():
        _lock(user)
        if Authenticator.objects.filter(user=user, type=APP).exists():
            raise ValidationError(_("An app is already set up. Remove it first."))
        Authenticator.objects.create(user=user, type=APP, data=data)
        _record(Kind.SECOND_STEP_ADDED, user, NAMES[APP])


def add_passkey(user: User, name: str, credential: dict[str, Any]) -> None:
    """Set up a passkey whose registration was verified.

    credential: as the browser sent it.
    """
    with transaction.atomic():
        row = Authenticator.objects.create(
            user=user, type=PASSKEY, data={"name": name, "credential": credential}
        )
        _record(Kind.SECOND_STEP_ADDED, user, name_of(row))


def make_codes(user: User) -> None:
    """Make new recovery codes; the old ones stop working.

    Raises ValidationError without a second factor.
    """
    data = {"seed": seal_for(user.pk, secrets.token_hex(40)), "used_mask": 0}
    with transaction.atomic():
        _lock(user)
        if not has_second_step(user):
            raise ValidationError(_("Set up an app or a passkey first."))
        Authenticator.objects.filter(user=user, type=CODES).delete()
        Authenticator.objects.create(user=user, type=CODES, data=data)
        _record(Kind.RECOVERY_CODES_MADE, user, "")


def has_codes(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type=CODES).exists())


def codes_left(user: User) -> int:
    """Return how many recovery codes are unused; 0 also when there are none."""
    codes = Authenticator.objects.filter(user=user, type=CODES).first()
    if codes is None:
        return 0
    return int(settings.MFA_RECOVERY_CODE_COUNT - codes.data["used_mask"].bit_count())


def show_codes_once(user: User) -> list[str]:
    """Return the unused codes on the first call after they were made, and nothing after that."""
    with transaction.atomic():
        found = Authenticator.objects.select_for_update().filter(user=user, type=CODES).first()
        if found is None or found.data.get("viewed_at"):
            return []
        codes = checked(found).wrap()
        codes.mark_as_viewed()
        unused: list[str] = codes.get_unused_codes()
        return unused


def remove_step(user: User, pk: int) -> str:
    """Remove an app or passkey of this user and return its name; the last takes the codes too.

    Raises Authenticator.DoesNotExist when it is not the user's, and ValidationError when it is the
    last one and one is required, or the only way in of the last superuser.
    """
    with keep_a_superuser():
        _lock(user)
        step = _steps(user).get(pk=pk)
        is_last = _steps(user).count() == 1
        if is_last and settings.REQUIRE_MFA:
            message = _(
                "This is your last second factor, and one is required. Set up another one first."
            )
            raise ValidationError(message)
        name = name_of(step)
        step.delete()
        if is_last:
            Authenticator.objects.filter(user=user).delete()
        _record(Kind.SECOND_STEP_REMOVED, user, name)
    return name


def reset(user: User) -> int:
    """Remove every second factor and code of a user who lost them; return how many there were.

    Their sessions end too: a finder of the lost device may be in one. Raises ValidationError for
    the last superuser whose passkey is their only way in.
    """
    with keep_a_superuser():
        _lock(user)
        found = list(Authenticator.objects.filter(user=user))
        Authenticator.objects.filter(user=user).delete()
        end_everything(user)
        for one in found:
            _record(Kind.SECOND_STEP_REMOVED, user, name_of(one))
    return len(found)


def use_code(user: User, code: str) -> Authenticator | None:
    """Use up a code of the app, or a recovery code; None if it is wrong or was used before.

    The row is locked meanwhile, so that a code works once across all processes. Raises VaultError
    when a stored secret does not open.
    """
    plain = "".join(code.split())
    with transaction.atomic():
        rows = Authenticator.objects.select_for_update().filter(user=user, type__in=[APP, CODES])
        for row in sorted(rows, key=lambda one: one.type != APP):
            accepts = _app_accepts if row.type == APP else _codes_accept
            if accepts(checked(row), plain):
                return row
    return None


def checked(row: Authenticator) -> Authenticator:
    """Return `row` if its secret belongs to its owner, otherwise raise VaultError."""
    if owner_of(str(row.data.get(SEALED_UNDER[row.type], ""))) != row.user_id:
        raise VaultError("The stored secret belongs to another user.")
    return row


def name_of(step: Authenticator) -> str:
    """Return the name for the record: "passkey Work laptop", "authenticator app"."""
    return _named(NAMES[step.type], step)


def words_for(step: Authenticator) -> str:
    """Return the second factor's name in the language of the page."""
    return _named(_(NAMES[step.type]), step)


def _named(kind: str, step: Authenticator) -> str:
    return f"{kind} {step.data.get('name', '')}".strip() if step.type == PASSKEY else kind


def _app_accepts(row: Authenticator, code: str) -> bool:
    secret = open_for(row.user_id, row.data["secret"])
    counter = _counter_of(secret, code, after=int(row.data.get("counter", 0)))
    if counter is None:
        return False
    row.data["counter"] = counter
    row.save(update_fields=["data"])
    return True


def _codes_accept(row: Authenticator, code: str) -> bool:
    if not row.wrap().validate_code(code):
        return False
    user = row.user
    record(
        Kind.RECOVERY_CODE_USED,
        subject=user.email,
        outcome=Outcome.DONE,
        detail={"left": codes_left(user)},
        actor=person(user),  # the user is not signed in yet
    )
    return True


def _counter_of(secret: str, code: str, *, after: int) -> int | None:
    """Return the time step of this code, if it is a current one later than `after`."""
    for counter in totp.current_counters():
        expected = totp.code_of(secret, counter)
        if counter > after and hmac.compare_digest(expected.encode(), code.encode()):
            return counter
    return None


def _steps(user: User) -> Any:
    return Authenticator.objects.filter(user=user, type__in=[APP, PASSKEY])


def _lock(user: User) -> None:
    """Lock the user, so that changes to one user's second factors happen one after the other."""
    User.objects.select_for_update().get(pk=user.pk)


def _record(kind: Kind, user: User, what: str) -> None:
    detail = {"what": what} if what else None
    record(kind, subject=user.email, outcome=Outcome.DONE, detail=detail)
