"""Single sign-on with the OpenID Connect provider of the environment.

It adds no users: a user must have been added before. Their first sign-in links (issuer, subject)
with the user who has the same e-mail address, if the provider says that the address is verified;
from then on (issuer, subject) alone identifies the user. The groups are checked at every sign-in.
"""

import logging
import secrets
from typing import Any
from urllib.parse import urlsplit

import jwt
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET

from lofty_admin.accounts.identity import is_storable, is_written_canonically
from lofty_admin.accounts.models import User
from lofty_admin.accounts.provider_calls import Kept, ProviderSession
from lofty_admin.accounts.services import REFUSED_BY_PROVIDER, keep_a_superuser
from lofty_admin.accounts.sessions import end_everything
from lofty_admin.audit.context import person
from lofty_admin.audit.kinds import UNKNOWN_USER, Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.environment import SingleSignOn
from lofty_admin.lofty.json_strict import JSON

logger = logging.getLogger(__name__)
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "nonce"]
_LONGEST_SUBJECT = 191  # characters, in the library's table
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_DESCRIPTION: Kept[dict[str, Any]] = Kept(seconds=3600)
_KEYS: Kept[list[jwt.PyJWK]] = Kept(seconds=300)  # withdrawn keys expire
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def disconnect(user: User) -> int:
    """Let a user link another account of the provider; return how many were linked.

    Their sessions end: the holder of the old account may be in one. Raises ValidationError for the
    last superuser who can sign in.
    """
    with keep_a_superuser():
        accounts = list(SocialAccount.objects.select_for_update().filter(user=user))
        SocialAccount.objects.filter(user=user).delete()
        if accounts:
            end_everything(user)
            record(
                Kind.SINGLE_SIGN_ON_UNLINKED,
                subject=user.email,
                outcome=Outcome.DONE,
                detail={"accounts": [[one.provider, one.uid] for one in accounts]},
            )
    return len(accounts)


def forget_answers() -> None:
    """Clear the cached provider description and keys, so that the next use fetches them."""
    _DESCRIPTION.clear()
    _KEYS.clear()


def is_offered() -> bool:
    return settings.SINGLE_SIGN_ON is not None


@login_not_required
@require_GET
def login(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider. Of the query only the page to return to is passed on."""
    provider = _provider(request)
    if request.user.is_authenticated:
        return redirect("fleet:home")
    nonce = secrets.token_urlsafe(24)
    after = get_next_redirect_url(request)
    try:
        answer: HttpResponse = provider.redirect(
            request, AuthProcess.LOGIN, after, auth_params={"nonce": nonce}, nonce=nonce
        )
    except (OAuth2Error, OSError) as error:  # requests' errors are OSErrors
        return _not_signed_in(request, gettext_noop("the provider could not be reached"), error)
    return answer


@login_not_required
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Handle the return from the provider, with a code that is exchanged once."""
    adapter = _provider(request).get_oauth2_adapter(request)
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(adapter)(request)
    except _UNREADABLE as error:
        return _not_signed_in(
            request, gettext_noop("the provider's response could not be read"), error
        )
    return answer


class SingleSignOnOAuth2Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Accept an ID token only after checking its signature, issuer, audience and times."""

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("accounts:sso_callback"))

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's own description. Raises OAuth2Error when it is another provider's."""
        return _DESCRIPTION.get(_configured().issuer, self._fetch_description)

    def _fetch_description(self) -> dict[str, Any]:
        config = self._fetch(self.get_provider().server_url)
        if config.get("issuer") != _configured().issuer:
            raise OAuth2Error(gettext_noop("the provider's metadata names another issuer"))
        if not all(_is_allowed(config.get(name)) for name in _ENDPOINTS):
            raise OAuth2Error(gettext_noop("the provider's metadata lacks an https address"))
        return config

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any
    ) -> SocialLogin:
        claims = self._verified(app, str(kwargs["response"].get("id_token", "")))
        _check_subject(claims)
        # Nothing but the subject goes through the library: other claims may be of any type.
        response = {"id_token": {"sub": claims["sub"]}}
        sign_in = self.get_provider().sociallogin_from_response(request, response)
        sign_in.claims = claims
        return sign_in

    def _verified(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        try:
            key = self._signing_key(jwt.get_unverified_header(id_token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=_ALGORITHMS,
                audience=app.client_id,
                issuer=_configured().issuer,
                leeway=60,
                options={"require": _CLAIMS},
            )
        except (jwt.PyJWTError, *_UNREADABLE) as error:
            raise OAuth2Error(f"the ID token is not valid: {type(error).__name__}") from None
        if claims["aud"] != app.client_id and claims.get("azp") != app.client_id:
            raise OAuth2Error(gettext_noop("the ID token was issued for other audiences too"))
        return claims

    def _signing_key(self, key_id: str | None) -> jwt.PyJWK:
        issuer = _configured().issuer
        for newer in (False, True):  # a provider that changes its keys signs with an unknown one
            keys = _KEYS.get(issuer, self._fetch_keys, newer=newer)
            fitting = [key for key in keys if key.key_id == key_id]
            if len(fitting) == 1:
                return fitting[0]
        raise OAuth2Error(gettext_noop("the ID token is not signed with a key of the provider"))

    def _fetch_keys(self) -> list[jwt.PyJWK]:
        found: list[jwt.PyJWK] = jwt.PyJWKSet.from_dict(
            self._fetch(self.openid_config["jwks_uri"])
        ).keys
        return found

    def _fetch(self, address: str) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(address)
        answer.raise_for_status()
        content = answer.json()
        if not isinstance(content, dict):
            raise OAuth2Error(gettext_noop("the provider's response could not be read"))
        return content


class SingleSignOnProvider(OpenIDConnectProvider):  # type: ignore[misc]
    oauth2_adapter_class = SingleSignOnOAuth2Adapter

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}  # the provider's claims are used, not stored


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Decide who may sign in, given the provider's claims."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the app of the environment; apps in the database do not count."""
        sso = settings.SINGLE_SIGN_ON
        if sso is None:
            return []
        return [
            SocialApp(
                provider=OpenIDConnectProvider.id,
                provider_id=sso.issuer,  # a user is found by (issuer, subject)
                name="Single sign-on",
                client_id=sso.client_id,
                secret=sso.client_secret,
                settings={"server_url": sso.issuer, "oauth_pkce_enabled": True},
            )
        ]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> SingleSignOnProvider:
        return SingleSignOnProvider(request, app=self.get_app(request, provider, client_id))

    def get_requests_session(self) -> Any:
        return ProviderSession(super().get_requests_session())

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        reason = f"single sign-on: {error or 'error'}" if exception is None else _words(exception)
        raise ImmediateHttpResponse(_not_signed_in(request, reason, exception))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Check verified claims at every sign-in. Refuses by raising."""
        claims = sociallogin.claims
        reason = _why_not(sociallogin, claims)
        if reason and sociallogin.is_existing:
            _note_refusal(sociallogin.account)
        if not reason and not sociallogin.is_existing:
            reason = _link(sociallogin, claims)
        if reason:
            raise ImmediateHttpResponse(_not_signed_in(request, reason, claims=claims))


def _why_not(sign_in: SocialLogin, claims: dict[str, Any]) -> str:
    sso = _configured()
    if sign_in.state.get("process") != AuthProcess.LOGIN:
        return gettext_noop("single sign-on was not started to sign in")
    if not _is_same(claims["nonce"], sign_in.state.get("nonce")):
        return gettext_noop("the provider's response belongs to another sign-in")
    groups = claims.get(sso.groups_claim)
    groups = groups if isinstance(groups, list) else [groups]
    if not sso.allowed_groups.intersection(one for one in groups if isinstance(one, str)):
        return gettext_noop("you are not in a group that may sign in here")
    return ""


def _link(sign_in: SocialLogin, claims: dict[str, Any]) -> str:
    """Link a new subject with the user of its verified address.

    Returns why not; "" when it was done.
    """
    email = _email(claims)
    if claims.get("email_verified") is not True or not email:
        return gettext_noop("the provider has not verified the e-mail address")
    if not is_written_canonically(email):
        return gettext_noop("the e-mail address has characters that imitate plain letters")
    with transaction.atomic():
        found = User.objects.with_email(email).select_for_update()
        user = found.filter(is_active=True).first()
        if user is None:
            return gettext_noop("no user has this e-mail address")
        account = sign_in.account
        if SocialAccount.objects.filter(user=user, provider=account.provider).exists():
            return gettext_noop("this user is linked to another account of the provider")
        account.user = sign_in.user = user
        account.save()
        record(
            Kind.SINGLE_SIGN_ON_LINKED,
            subject=user.email,
            outcome=Outcome.DONE,
            detail={"issuer": account.provider, "subject": account.uid, "sent": _sent(claims)},
            actor=person(user),
        )
    return ""


def _not_signed_in(
    request: HttpRequest,
    reason: str,
    error: Exception | None = None,
    *,
    claims: dict[str, Any] | None = None,
) -> HttpResponse:
    if error is not None:
        logger.warning("Single sign-on failed: %s", type(error).__name__)
    record(
        Kind.SIGN_IN_FAILED,
        subject=_shown(_email(claims or {})) or UNKNOWN_USER,
        outcome=Outcome.REFUSED,
        detail={"because": reason, **({"sent": _sent(claims)} if claims else {})},
    )
    return render(request, "account/sso_refused.html", {"reason": reason}, status=403)


def _words(error: Exception) -> str:
    """Return the message of our own errors only: others may hold a secret."""
    text = str(error)
    return (
        text
        if text.startswith(("the provider", "the ID token"))
        else gettext_noop("the provider refused")
    )


def _email(claims: dict[str, Any]) -> str:
    """Return the address, if it is one that a user here could have."""
    email = claims.get("email")
    is_usable = isinstance(email, str) and len(email) <= 254 and is_storable(email)
    return str(email) if is_usable else ""


def _sent(claims: dict[str, Any]) -> dict[str, JSON]:
    """Return the claims about the user's identity, for the record."""
    names = ("sub", "email", "email_verified")
    return {name: _shown(claims[name]) for name in names if name in claims}


def _shown(value: object) -> str:
    """Return text with every unusual character as a number, no longer than a line."""
    text = value if isinstance(value, str) else repr(value)
    return ascii(text[:200])[1:-1] + ("…" if len(text) > 200 else "")


def _check_subject(claims: dict[str, Any]) -> None:
    """Raise OAuth2Error for a subject that cannot be stored unchanged."""
    subject = claims["sub"]
    is_text = isinstance(subject, str) and subject.isprintable() and subject.strip()
    if not is_text or not is_storable(subject):
        raise OAuth2Error(gettext_noop("the provider's subject is not valid text"))
    if len(subject) > _LONGEST_SUBJECT:
        raise OAuth2Error(f"the provider's subject is longer than {_LONGEST_SUBJECT} characters")


def _is_same(sent: object, kept: object) -> bool:
    """Return whether both are texts and equal, in constant time."""
    if not isinstance(sent, str) or not isinstance(kept, str):
        return False
    return secrets.compare_digest(ascii(sent), ascii(kept))


def _note_refusal(account: SocialAccount) -> None:
    """Count this user as unable to sign in until the provider accepts them again."""
    account.extra_data = {REFUSED_BY_PROVIDER: True}
    account.save(update_fields=["extra_data"])


def _is_allowed(address: object) -> bool:
    parts = urlsplit(str(address))
    loopback = settings.DEMO and parts.scheme == "http" and parts.hostname == "127.0.0.1"
    return bool(parts.hostname) and (parts.scheme == "https" or loopback)


def _configured() -> SingleSignOn:
    """Return the environment's provider. Raises Http404 when there is none."""
    sso: SingleSignOn | None = settings.SINGLE_SIGN_ON
    if sso is None:
        raise Http404
    return sso


def _provider(request: HttpRequest) -> SingleSignOnProvider:
    provider: SingleSignOnProvider = get_adapter().get_provider(request, _configured().issuer)
    return provider
