"""Reading the environment: typed, with clear errors that do not reveal secrets."""

from base64 import b64encode
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from lofty_admin.core.environment import Sink, read_environment

KEY = b64encode(b"k" * 32).decode()
SOUND = {
    "SECRET_KEY": "s" * 50,
    "DATABASE_URL": "postgresql://u:p@db.internal:5432/console",
    "ALLOWED_HOSTS": "console.example.com",
    "VAULT_KEYS": f"b:{KEY},a:{KEY}",
    "AUDIT_KEYS": f"a:{KEY}",
    "FINGERPRINT_KEY": KEY,
}


@pytest.fixture(autouse=True)
def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOFTY_API_BASE_URL", "LOFTY_ALLOW_LOOPBACK", "LOFTY_DEMO", "LOFTY_ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SOUND.items():
        monkeypatch.setenv(name, value)


def test_environment__sound__is_read_with_its_types() -> None:
    environment = read_environment()
    assert environment.lofty_base_url == "https://api.lofty.com"
    assert environment.demo is False
    assert (environment.vault_keys.current, set(environment.vault_keys.keys)) == ("b", {"a", "b"})
    assert environment.database["HOST"] == "db.internal"


@pytest.mark.parametrize("name", SOUND)
def test_environment__something_missing__is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ImproperlyConfigured, match=name):
        read_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "hunter2-too-short"),
        ("SECRET_KEY_FALLBACKS", f"{'s' * 50},hunter2"),
        ("VAULT_KEYS", "hunter2"),
        ("VAULT_KEYS", "a:hunter2"),
        ("VAULT_KEYS", f"a:{KEY},a:{KEY}"),
        ("VAULT_KEYS", f"a b:{KEY}"),
        ("AUDIT_KEYS", f"a:{b64encode(b'hunter2').decode()}"),
        ("FINGERPRINT_KEY", "hunter2"),
        ("DATABASE_URL", "sqlite:///hunter2.db"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", ".example.com"),
        ("LOFTY_API_BASE_URL", "http://api.lofty.com"),
        ("LOFTY_API_BASE_URL", "https://evil.test"),
        ("LOFTY_API_BASE_URL", "https://api.lofty.com@evil.test"),
        ("LOFTY_API_BASE_URL", "https://u:hunter2@api.lofty.com"),
        ("LOFTY_API_BASE_URL", "https://api.lofty.com/path"),
        ("LOFTY_API_BASE_URL", "http://127.0.0.1:8000"),
        ("LOFTY_DEADLINE_SECONDS", "0"),
        ("LOFTY_DEADLINE_SECONDS", "soon"),
        ("TRUSTED_PROXY_COUNT", "-1"),
        ("AUDIT_SIGNING_KEY", "hunter2"),
        ("AUDIT_SIGNING_KEY", f"{KEY},{KEY}"),
        ("AUDIT_PUBLIC_KEYS", f"{KEY},hunter2"),
        ("AUDIT_CHECKPOINT_EVENTS", "0"),
        ("AUDIT_CHECKPOINT_MINUTES", "often"),
        ("AUDIT_CHECKPOINT_SINK", "hunter2"),
        ("AUDIT_CHECKPOINT_SINK", "file:relative/path"),
        ("AUDIT_CHECKPOINT_SINK", "syslog:logs.internal"),
        ("AUDIT_CHECKPOINT_SINK", "mail:ops"),
        ("SESSION_IDLE_MINUTES", "0"),
        ("SESSION_HOURS", "a day"),
        ("REAUTHENTICATE_MINUTES", "0"),
        ("OIDC_ISSUER", "idp.example.com"),
        ("OIDC_ISSUER", "http://idp.example.com"),
        ("OIDC_ISSUER", "http://127.0.0.1:8000"),
        ("LOFTY_OAUTH_CLIENT_ID", "alone"),
        ("LOFTY_OAUTH_CLIENT_SECRET", "hunter2"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_environment__invalid_variable__is_named_without_its_secret(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name) as error:
        read_environment()
    assert "hunter2" not in str(error.value)


def test_environment__secret_in_a_file__is_read_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("f" * 60 + "\n")
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    assert read_environment().secret_key == "f" * 60


def test_environment__loopback_allowed__takes_the_practice_lofty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOFTY_ALLOW_LOOPBACK", "1")
    monkeypatch.setenv("LOFTY_API_BASE_URL", "http://127.0.0.1:8001")
    assert "127.0.0.1" in read_environment().lofty_allowed_hosts


def test_environment__nothing_about_checkpoints__none_are_signed() -> None:
    environment = read_environment()
    assert (
        environment.audit_signing_key,
        environment.audit_public_keys,
        environment.checkpoint_sink,
    ) == (
        None,
        (),
        None,
    )
    assert (environment.checkpoint_events, environment.checkpoint_minutes) == (1000, 60)


@pytest.mark.parametrize(
    ("text", "sink"),
    [
        ("file:/var/lib/anchors.jsonl", Sink("file", "/var/lib/anchors.jsonl")),
        ("syslog:logs.internal:601", Sink("syslog", "logs.internal:601")),
        ("mail:auditor@example.com", Sink("mail", "auditor@example.com")),
    ],
)
def test_environment__checkpoints_wanted__signing_key_from_a_file_and_a_sink(
    text: str, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    monkeypatch.setenv("AUDIT_SIGNING_KEY_FILE", str(path))
    monkeypatch.setenv("AUDIT_PUBLIC_KEYS", f"{KEY}, {KEY}")
    monkeypatch.setenv("AUDIT_CHECKPOINT_SINK", text)
    environment = read_environment()
    assert environment.audit_signing_key == b"k" * 32
    assert environment.audit_public_keys == (b"k" * 32,) * 2
    assert environment.checkpoint_sink == sink


def test_public_keys__too_many__says_how_many_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_PUBLIC_KEYS", ",".join([KEY] * 101))
    with pytest.raises(ImproperlyConfigured, match="AUDIT_PUBLIC_KEYS takes 100 keys at most"):
        read_environment()


def test_environment__shown__tells_no_secret() -> None:
    shown = repr(read_environment())
    assert KEY not in shown
    assert "s" * 50 not in shown
    assert "db.internal" not in shown


def test_environment__the_example_file__names_every_variable() -> None:
    root = Path(__file__).parents[2]
    example = (root / ".env.example").read_text()
    source = (root / "lofty_admin" / "core" / "environment.py").read_text()
    names = {part.split('"')[0] for part in source.split('read, "')[1:]}
    assert names
    assert [name for name in names if f"\n{name}=" not in example] == []


def test_environment__mail_from__as_given_else_at_the_first_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_environment().mail_from == "console@console.example.com"
    monkeypatch.setenv("MAIL_FROM", "ops@example.com")
    assert read_environment().mail_from == "ops@example.com"
    for wrong in ("ops", "a@b, c@d", "Ops <ops@example.com>", "a@b\nBcc: c@d"):
        monkeypatch.setenv("MAIL_FROM", wrong)
        with pytest.raises(ImproperlyConfigured, match="MAIL_FROM"):
            read_environment()


SSO = {
    "OIDC_ISSUER": "https://idp.example.com/",
    "OIDC_CLIENT_ID": "console",
    "OIDC_CLIENT_SECRET": "hunter2",
    "OIDC_ALLOWED_GROUPS": "console-users, console-admins,",
}


@pytest.fixture
def sso(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SSO.items():
        monkeypatch.setenv(name, value)


def test_environment__nothing_about_single_sign_on__none() -> None:
    assert read_environment().single_sign_on is None


def test_environment__single_sign_on__is_read_and_its_secret_not_shown(sso: None) -> None:
    environment = read_environment()
    assert environment.single_sign_on is not None
    assert environment.single_sign_on.allowed_groups == {"console-users", "console-admins"}
    assert environment.single_sign_on.groups_claim == "groups"
    assert "hunter2" not in repr(environment)


@pytest.mark.parametrize("name", sorted(set(SSO) - {"OIDC_ISSUER"}))
@pytest.mark.parametrize("value", ["", " "])
def test_environment__single_sign_on_without_a_part__is_named(
    sso: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        read_environment()


def test_environment__only_commas_for_groups__is_named(
    sso: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_ALLOWED_GROUPS", ", ,")
    with pytest.raises(ImproperlyConfigured, match="OIDC_ALLOWED_GROUPS"):
        read_environment()


def test_environment__secret_of_single_sign_on_in_a_file__is_read_from_there(
    sso: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("from-a-file\n")
    monkeypatch.delenv("OIDC_CLIENT_SECRET")
    monkeypatch.setenv("OIDC_CLIENT_SECRET_FILE", str(path))
    single_sign_on = read_environment().single_sign_on
    assert single_sign_on is not None
    assert single_sign_on.client_secret == "from-a-file"


def set_app(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    app = {"LOFTY_OAUTH_CLIENT_ID": "app-1", "LOFTY_OAUTH_CLIENT_SECRET": "hunter2", **more}
    for name, value in app.items():
        monkeypatch.setenv(name, value)


def test_environment__oauth_app__loftys_own_addresses_and_no_secret_in_its_repr(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_environment().oauth_app is None
    set_app(monkeypatch)
    app = read_environment().oauth_app
    assert app is not None
    assert app.client_secret == "hunter2"
    assert "hunter2" not in repr(app)
    assert app.authorize_url == "https://lofty.com/page/vendor-auth.html"
    assert app.token_url == "https://crm.lofty.com/api/user-web/oauth/token"
    assert app.redirect_url == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOFTY_OAUTH_TOKEN_URL", "https://evil.test/oauth/token"),
        ("LOFTY_OAUTH_TOKEN_URL", "http://crm.lofty.com/oauth/token"),
        ("LOFTY_OAUTH_TOKEN_URL", "https://crm.lofty.com"),
        ("LOFTY_OAUTH_TOKEN_URL", "https://crm.lofty.com/oauth?x=hunter2"),
        ("LOFTY_OAUTH_TOKEN_URL", "http://127.0.0.1:8001/oauth/token"),
        ("LOFTY_OAUTH_AUTHORIZE_URL", "javascript:alert(1)"),
        ("LOFTY_OAUTH_AUTHORIZE_URL", "http://lofty.com/page"),
        ("LOFTY_OAUTH_REDIRECT_URL", "https://u:hunter2@console.example.com/oauth"),
        ("LOFTY_OAUTH_REDIRECT_URL", "/oauth/lofty/callback"),
    ],
)
def test_environment__oauth_app_with_a_wrong_address__is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_app(monkeypatch, **{name: value})
    with pytest.raises(ImproperlyConfigured, match=name) as error:
        read_environment()
    assert "hunter2" not in str(error.value)


def test_environment__oauth_secret_in_a_file__is_read_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("from-a-file\n")
    monkeypatch.setenv("LOFTY_OAUTH_CLIENT_ID", "app-1")
    monkeypatch.setenv("LOFTY_OAUTH_CLIENT_SECRET_FILE", str(path))
    app = read_environment().oauth_app
    assert app is not None
    assert app.client_secret == "from-a-file"
