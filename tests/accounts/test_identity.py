"""E-mail addresses have one canonical form everywhere, so look-alikes are never confused."""

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from lofty_admin.accounts import invitations
from lofty_admin.accounts.identity import (
    canonical_email,
    check_email,
    check_name,
    is_written_canonically,
)
from lofty_admin.accounts.models import User
from lofty_admin.tenants.access.member_forms import AddMemberForm
from lofty_admin.tenants.models import Grant, Membership, Role, Tenant
from tests.support.sign_in import is_signed_in, sign_in
from tests.support.users import make_user

DOTLESS_I, LONG_S, KELVIN = "\u0131", "\u017f", "\u212a"
LOOK_ALIKES = [
    f"adm{DOTLESS_I}n@example.com",
    f"ADM{DOTLESS_I}N@example.com",
    "adm\u0456n@example.com",  # Cyrillic
    "\u0430dmin@example.com",
    "adm\u200bin@example.com",
    "\u202eadmin@example.com",
    "adm\u0130n@example.com",
]


@pytest.fixture
def admin(db: None) -> User:
    return make_user("admin@example.com", "Ada Admin", superuser=True)


@given(text=st.text(max_size=40))
@example(text=f"{LONG_S}{KELVIN}\u0130\ufb00@Example.COM ")
def test_canonical__of_any_text__does_not_change_again(text: str) -> None:
    once = canonical_email(text)
    assert canonical_email(once) == once


@given(text=st.text(max_size=8), where=st.integers(0, 5))
@example(text=DOTLESS_I, where=3)
@example(text=KELVIN, where=0)
@example(text=LONG_S, where=0)
def test_canonical__other_characters_in_an_address__never_mismistaken_for_the_plain_one(
    text: str, where: int
) -> None:
    """What is linked by its address equals it, apart from ASCII capitals."""
    plain = "task@example.com"
    other = plain[:where] + text + plain[where:]
    taken_for_it = is_written_canonically(other) and canonical_email(other) == plain
    assert taken_for_it == (other.lower() == plain and other.isascii())


@pytest.mark.parametrize("email", LOOK_ALIKES)
def test_look_alike__sign_in_with_a_password__is_not_the_person(admin: User, email: str) -> None:
    client = Client()
    sign_in(client, email)
    assert not is_signed_in(client)


@pytest.mark.parametrize("email", LOOK_ALIKES)
def test_look_alike_address__on_the_command_line__is_not_found(
    admin: User, superuser: User, acme: Tenant, email: str
) -> None:
    for command in (
        ("person", "deactivate", email),
        ("person", "reset-mfa", email),
        ("person", "disconnect-sso", email),
        ("right", "give", email, "manager", "--tenant", acme.slug),
        ("right", "deny", email, "--all"),
    ):
        with pytest.raises(CommandError, match="No user"):
            call_command(*command, stdout=StringIO())
    admin.refresh_from_db()
    assert admin.is_active
    assert not Membership.objects.exists()
    assert not Grant.objects.exists()


@pytest.mark.parametrize("email", LOOK_ALIKES)
def test_look_alike_address__in_the_member_form__is_not_found(admin: User, email: str) -> None:
    form = AddMemberForm({"email": email, "role": str(Role.VIEWER.value)})
    assert "email" in form.errors


def test_command_line__two_look_alike_addresses__only_the_exact_one_changes(
    admin: User, superuser: User
) -> None:
    """The database may hold such a person from before addresses were checked."""
    other = make_user(LOOK_ALIKES[0], "Not Ada")
    call_command("person", "deactivate", "ADMIN@example.com", stdout=StringIO())
    other.refresh_from_db()
    admin.refresh_from_db()
    assert (admin.is_active, other.is_active) == (False, True)
    call_command("person", "deactivate", LOOK_ALIKES[0], stdout=StringIO())
    other.refresh_from_db()
    assert not other.is_active


@pytest.mark.parametrize("email", [" Admin@Example.com ", "\uff41dmin@example.com"])
def test_same_canonical_form__database_refuses_a_second_person(admin: User, email: str) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create(email=email, name="Sam Other")


@pytest.mark.parametrize("email", [*LOOK_ALIKES, "\uff4cisa@example.com", "lisa@ex\u00e4mple.com"])
def test_adding__address_with_unusual_characters__refused_and_named(db: None, email: str) -> None:
    with pytest.raises(ValidationError, match=r"U\+[0-9A-F]{4} \("):
        invitations.invite(email, page="https://console.test/invitation/")
    with pytest.raises(ValidationError, match=r"U\+[0-9A-F]{4} \("):
        User.objects.add_person(email, name="Lisa", password=None)
    assert not User.objects.exists()


@given(sign=st.characters(min_codepoint=128, exclude_categories=["Cs"]))
def test_adding__any_character_that_is_not_plain__refused(sign: str) -> None:
    with pytest.raises(ValidationError):
        check_email(f"lisa{sign}lisa@example.com")


@pytest.mark.parametrize(
    "name",
    [
        "Ada\u200b Admin",
        "\u202eAda Admin",
        "Ada\u2066Admin",
        "Ada\u00adAdmin",
        "Ada\x07",
        "\u0410da Admin",  # the first letter is Cyrillic
        "Ad\u03b1 Admin",
        "\U0001d400da Admin",
        "\uff21da Admin",
        "Ada\u3164Admin",
        "Ada\ufe0f Admin",
        "Ada\u180b Admin",
        "Ada\U000e0100 Admin",
        "Ada\U0001d159Admin",
    ],
)
def test_adding__name_that_deceives__refused_with_the_reason(db: None, name: str) -> None:
    with pytest.raises(ValidationError, match=r"name|alphabets"):
        User.objects.add_person("ada@example.com", name=name, password=None)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "name",
    [
        "Zoë Ångström-Łuczak",
        "O'Neil, Mary-Jane",
        "Işık Yıldız",
        "Ирина Петрова",
        "Ελένη Smith",
        "山田 太郎",
        "محمد علي",
        "Nguyễn Văn An",
    ],
)
def test_adding__names_as_users_have_them__accepted(name: str) -> None:
    check_name(name)


@pytest.mark.django_db(transaction=True)
def test_migration__addresses_that_look_alike__stops_and_names_both() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", "0003_folded_names")])
    before = executor.loader.project_state([("accounts", "0003_folded_names")]).apps
    before_user = before.get_model("accounts", "User")
    try:
        ids = [
            before_user.objects.create(email=email, name="Sam").pk
            for email in ("sam@example.com", f"{LONG_S}am@example.com", "irina@example.com")
        ]
        with pytest.raises(Exception, match="look alike") as error:
            MigrationExecutor(connection).migrate([("accounts", "0004_email_canonical")])
        assert all(f"(id {pk})" in str(error.value) for pk in ids[:2])
        assert f"(id {ids[2]})" not in str(error.value)
        before_user.objects.filter(pk=ids[1]).update(email="samuel@example.com")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    forms = User.objects.order_by("pk").values_list("email_canonical", flat=True)
    assert list(forms) == ["sam@example.com", "samuel@example.com", "irina@example.com"]
    User.objects.all().delete()
