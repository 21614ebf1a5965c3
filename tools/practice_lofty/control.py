"""The control API under `/_control/`: make customers, look at them, let them misbehave.

Everything is JSON. POST, PATCH and DELETE must carry `Content-Type: application/json`, and every
request a loopback Host, so that no web page elsewhere can use it from a user's browser.

    GET    /_control/healthz
    POST   /_control/reset                      forget everything; {"seed": true} seeds again
    GET    /_control/customers
    POST   /_control/customers                  the fields of seed.Spec, e.g. {"slug": "acme"}
    GET    /_control/customers/<slug>
    PATCH  /_control/customers/<slug>           see `_change`
    GET    /_control/customers/<slug>/puts
    GET    /_control/customers/<slug>/faults
    POST   /_control/customers/<slug>/faults    see faults
    DELETE /_control/customers/<slug>/faults    all of them
    DELETE /_control/customers/<slug>/faults/<id>
    GET    /_control/held                       requests a `hold` keeps waiting
    POST   /_control/release                    all of them, or {"slug": ...}
    POST   /_control/apps                       register or change an OAuth app
    POST   /_control/codes                      {"client_id", "slug"}: a code without the page
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import get_args

from tools.practice_lofty import faults, oauth, seed
from tools.practice_lofty.api import OPERATION_OF
from tools.practice_lofty.crm import OPERATION
from tools.practice_lofty.holds import Holds
from tools.practice_lofty.limits import Limiter
from tools.practice_lofty.messages import Answer, BadJSONError, Request, as_json
from tools.practice_lofty.seed import OrgKind, Spec
from tools.practice_lofty.store import (
    Credential,
    Options,
    Profile,
    Scheme,
    Store,
    TakenError,
    UnknownCustomerError,
    in_utc,
)

PREFIX = "/_control/"
MOST = 10_000
"""members, offices ... of one customer; the ids of more would run into each other"""


class WishError(ValueError):
    """The control API is asked for something that cannot be; the text says why."""


class Control:
    def __init__(self, store: Store, limiter: Limiter, holds: Holds) -> None:
        self._store = store
        self._limiter = limiter
        self._holds = holds

    def answer(self, request: Request) -> Answer:
        if request.method != "GET" and not request.is_json:
            return _refusal(415, "Content-Type must be application/json. Nothing was changed.")
        parts = request.path.removeprefix(PREFIX).strip("/").split("/")
        handle = self._find(request.method, parts)
        if handle is None:
            return _refusal(404, "The control API has nothing here. Nothing was changed.")
        try:
            return handle(_read_object(request))
        except UnknownCustomerError as error:
            return _refusal(404, f"There is no customer {error}. Nothing was changed.")
        except TakenError as error:
            return _refusal(409, str(error))
        except (WishError, faults.FaultError, BadJSONError) as error:
            return _refusal(400, f"{error} Nothing was changed.")

    def _find(self, method: str, parts: list[str]) -> Callable[[dict[str, object]], Answer] | None:
        match method, parts:
            case "GET", ["healthz"]:
                return lambda _: as_json(200, {"status": "ok", "held": len(self._holds.listed())})
            case "POST", ["reset"]:
                return self._reset
            case "GET", ["held"]:
                return lambda _: as_json(200, {"held": self._holds.listed()})
            case "POST", ["release"]:
                return self._release
            case "POST", ["apps"]:
                return self._save_app
            case "POST", ["codes"]:
                return self._make_code
            case _, ["customers", *rest]:
                return self._find_for_customers(method, rest)
        return None

    def _find_for_customers(
        self, method: str, parts: list[str]
    ) -> Callable[[dict[str, object]], Answer] | None:
        match method, parts:
            case "GET", []:
                return lambda _: self._list()
            case "POST", []:
                return self._add
            case "GET", [slug]:
                return lambda _: as_json(200, self.describe(slug))
            case "PATCH", [slug]:
                return lambda wish: self._change(slug, wish)
            case "GET", [slug, "puts"]:
                return lambda _: as_json(200, {"puts": self._puts(slug)})
            case _, [slug, "faults", *rest]:
                return self._find_for_faults(method, slug, rest)
        return None

    def _find_for_faults(
        self, method: str, slug: str, parts: list[str]
    ) -> Callable[[dict[str, object]], Answer] | None:
        match method, parts:
            case "GET", []:
                return lambda _: as_json(200, {"faults": self._faults(slug)})
            case "POST", []:
                return lambda wish: self._add_fault(slug, wish)
            case "DELETE", []:
                return lambda _: self._remove_faults(slug, None)
            case "DELETE", [number] if number.isdecimal():
                return lambda _: self._remove_faults(slug, int(number))
        return None

    # Customers

    def summary(self, slug: str) -> dict[str, object]:
        profile = self._store.profile(slug)
        return {
            "slug": slug,
            "name": profile.name,
            "agent_id": profile.agent_id,
            "has_agent": profile.has_agent,
            "tokens": [self._describe(token) for token in self._store.credentials(slug)],
            "members": profile.members,
            "options": vars(profile.options),
            "puts_received": self._store.count_puts(slug),
            "faults": self._faults(slug),
        }

    def describe(self, slug: str) -> dict[str, object]:
        return {**self.summary(slug), "settings": self._store.settings(slug)}

    def _describe(self, credential: Credential) -> dict[str, object]:
        budget = self._limiter.look(credential.rate_key, credential.rate_limit)
        return {
            **vars(credential),
            "expires_at": in_utc(credential.expires_at),
            "dead": credential.is_dead(time.time()),
            "rate_remaining": budget.remaining,
            "rate_reset_at": in_utc(budget.reset_at),
        }

    def _puts(self, slug: str) -> list[dict[str, object]]:
        self._store.profile(slug)
        return self._store.puts(slug)

    def _list(self) -> Answer:
        return as_json(200, {"customers": [self.summary(slug) for slug in self._store.slugs()]})

    def _add(self, wish: dict[str, object]) -> Answer:
        spec = read_spec(wish)
        self._store.add_customer(seed.build(spec))
        return as_json(201, self.describe(spec.slug))

    def _change(self, slug: str, wish: dict[str, object]) -> Answer:
        """All keys are optional:
        settings         merged without the console knowing; null takes the Sales Agent away
        remove_settings  names of settings to leave out from now on
        options          fields of store.Options
        rate_limit       calls per minute for every token of the customer
        rate_used        calls to count as made in the present minute
        tokens           list of {"token", "scheme"?, "rate_limit"?, "scopes"?, "expires_at"?,
                         "revoked"?, "app"?}: changed, or added if new; the tokens of one app
                         share its calls per minute
        revoke_all       true ends every token and grant
        """
        profile = self._store.profile(slug)
        known = {"settings", "remove_settings", "options", "rate_limit", "rate_used", "tokens"}
        _refuse_unknown(wish, known | {"revoke_all"})
        options = _read_options(profile.options, wish.get("options", {}))
        tokens = self._read_tokens(profile, wish)
        settings = wish.get("settings", {})
        removed = wish.get("remove_settings", [])
        if not (settings is None or isinstance(settings, dict)) or not isinstance(removed, list):
            raise WishError("settings must be an object or null, remove_settings a list.")
        used = _read_count(wish, "rate_used", 0) if "rate_used" in wish else None
        self._store.set_options(slug, options)
        if settings is None or settings or removed:
            self._store.change_settings(slug, settings, map(str, removed))
        self._save_tokens(slug, tokens, used, revoke_all=wish.get("revoke_all") is True)
        return as_json(200, self.describe(slug))

    def _read_tokens(self, profile: Profile, wish: Mapping[str, object]) -> list[Credential]:
        """The customer's tokens as they shall be."""
        known = {token.token: token for token in self._store.credentials(profile.slug)}
        if "rate_limit" in wish:
            limit = _read_count(wish, "rate_limit", 0)
            known = {name: replace(token, rate_limit=limit) for name, token in known.items()}
        changes = wish.get("tokens", [])
        if not isinstance(changes, list):
            raise WishError("tokens must be a list.")
        for change in changes:
            token = _read_token(change, profile.slug, known)
            owner = self._store.credential(token.token)
            if owner is not None and owner.slug != profile.slug:
                raise WishError("Another customer has one of these tokens.")
            known[token.token] = token
        return list(known.values())

    def _save_tokens(
        self, slug: str, tokens: list[Credential], used: int | None, *, revoke_all: bool
    ) -> None:
        for token in tokens:
            self._store.save_credential(token)
            if used is not None:
                self._limiter.set_used(token.rate_key, used)
        if revoke_all:
            self._store.revoke_all(slug)

    # Faults and held requests

    def _faults(self, slug: str) -> list[dict[str, object]]:
        self._store.profile(slug)
        return [fault.describe() for fault in self._store.faults(slug)]

    def _add_fault(self, slug: str, wish: dict[str, object]) -> Answer:
        fault = faults.parse(wish)
        number = self._store.add_fault(slug, fault)
        return as_json(201, replace(fault, id=number).describe())

    def _remove_faults(self, slug: str, number: int | None) -> Answer:
        self._store.profile(slug)
        return as_json(200, {"removed": self._store.remove_faults(slug, number)})

    def _release(self, wish: dict[str, object]) -> Answer:
        slug = wish.get("slug")
        return as_json(200, {"released": self._holds.release(None if slug is None else str(slug))})

    def _reset(self, wish: dict[str, object]) -> Answer:
        self._holds.release()
        self._store.clear()
        self._limiter.clear()
        if wish.get("seed") is True:
            seed.seed(self._store)
        return as_json(200, {"customers": len(self._store.slugs())})

    # Apps

    def _save_app(self, wish: dict[str, object]) -> Answer:
        _refuse_unknown(wish, seed.DEMO_APP)
        merged = {**seed.DEMO_APP, **wish}
        app = oauth.App(
            client_id=_read_text(merged, "client_id"),
            client_secret=_read_text(merged, "client_secret"),
            name=_read_text(merged, "name"),
            redirect_url=_read_redirect_url(merged),
            rate_limit=_read_count(merged, "rate_limit", 0),
            expires_in=_read_count(merged, "expires_in", 0),
            scopes=_read_scopes(merged.get("scopes")),
        )
        oauth.save_app(self._store, app)
        return as_json(201, vars(app))

    def _make_code(self, wish: dict[str, object]) -> Answer:
        app = oauth.find_app(self._store, _read_text(wish, "client_id"))
        if app is None:
            raise WishError("There is no app with this client_id.")
        slug = self._store.profile(_read_text(wish, "slug")).slug
        return as_json(201, {"code": oauth.make_code(self._store, app, slug)})


def read_spec(wish: Mapping[str, object]) -> Spec:
    """A specification from the JSON object of POST /_control/customers. Raises WishError."""
    _refuse_unknown(wish, {each.name for each in fields(Spec)} | {"settings"})
    slug = _read_text(wish, "slug")
    if not all(part.isalnum() for part in slug.split("-")) or not slug.isascii():
        raise WishError("slug must be letters, digits and single hyphens.")
    settings = wish.get("settings", {})
    if settings is not None and not isinstance(settings, dict):
        raise WishError("settings must be an object, or null for no Sales Agent.")
    return Spec(
        slug,
        _read_text({"name": slug, **wish}, "name"),
        scheme=_read_scheme(wish.get("scheme", "oauth")),
        token=_read_text({"token": "", **wish}, "token", empty=True),
        rate_limit=_read_count(wish, "rate_limit", Spec.rate_limit),
        scopes=_read_scopes(wish.get("scopes")),
        expires_at=_read_time(wish.get("expires_at")),
        revoked=wish.get("revoked") is True,
        app=_read_text({"app": "", **wish}, "app", empty=True),
        short_member_ids=wish.get("short_member_ids") is True,
        members=_read_count(wish, "members", Spec.members, MOST),
        offices=_read_count(wish, "offices", Spec.offices, MOST),
        ponds=_read_count(wish, "ponds", Spec.ponds, MOST),
        pipelines=_read_count(wish, "pipelines", Spec.pipelines, MOST),
        org=_read_org(wish.get("org", Spec.org)),
        selected=_read_count(wish, "selected", Spec.selected, MOST),
        first_id=_read_count(wish, "first_id", Spec.first_id),
        has_agent=settings is not None and wish.get("has_agent") is not False,
        settings=settings or {},
        without=tuple(_read_names(wish.get("without", []))),
        options=_read_options(Options(), wish.get("options", {})),
    )


def _read_object(request: Request) -> dict[str, object]:
    value = request.json() if request.body else {}
    if not isinstance(value, dict):
        raise WishError("The body must be a JSON object.")
    return value


def _refuse_unknown(wish: Mapping[str, object], known: object) -> None:
    names = set(known) if isinstance(known, (set, dict)) else set()
    if unknown := sorted(set(wish) - names):
        raise WishError(f"Unknown: {', '.join(unknown)}. Known: {', '.join(sorted(names))}.")


def _read_text(wish: Mapping[str, object], name: str, *, empty: bool = False) -> str:
    value = wish.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise WishError(f"{name} must be text.")
    return value


def _read_count(wish: Mapping[str, object], name: str, default: int, most: int = 2**62) -> int:
    value = wish.get(name, default)
    if type(value) is not int or not 0 <= value <= most:
        raise WishError(f"{name} must be a whole number from 0 to {most}.")
    return value


def _read_scheme(value: object) -> Scheme:
    for scheme in get_args(Scheme):
        if value == scheme:
            return "api_key" if scheme == "api_key" else "oauth"
    raise WishError("scheme must be api_key or oauth.")


def _read_org(value: object) -> OrgKind:
    match value:
        case "enterprise" | "no_permission" | "multi_team":
            return value
    raise WishError(f"org must be one of: {', '.join(get_args(OrgKind))}.")


def _read_time(value: object) -> float | None:
    if value is not None and type(value) not in (int, float):
        raise WishError("expires_at must be seconds since 1970, or null.")
    return None if value is None else float(str(value))


def _read_names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise WishError("A list of names must hold text only.")
    return value


def _read_scopes(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    scopes = tuple(_read_names(value))
    known = (*OPERATION_OF.values(), OPERATION)
    if not set(scopes) <= set(known):
        raise WishError(f"scopes must be among: {', '.join(known)}.")
    return scopes


def _read_redirect_url(wish: Mapping[str, object]) -> str:
    url = _read_text(wish, "redirect_url")
    if not url.startswith(("http://", "https://")) or not url.isascii() or not url.isprintable():
        raise WishError("redirect_url must begin with http:// or https://.")
    return url


def _read_options(options: Options, wish: object) -> Options:
    """`options` with the wishes put in; each must be of a kind the option can have."""
    if not isinstance(wish, dict):
        raise WishError("options must be an object.")
    _refuse_unknown(wish, vars(options))
    for name, value in wish.items():
        allowed = _CHOICES.get(name)
        if allowed is not None and value not in allowed:
            raise WishError(f"{name} must be one of: {', '.join(map(str, allowed))}.")
        if type(value) is not type(getattr(options, name)):
            raise WishError(f"{name} must be like {getattr(options, name)!r}.")
    return replace(options, **wish)


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "omitted": ("keep", "clear"),
    "oversize": ("cap", "refuse"),
    "metadata_key": ("_metadata", "get_metadata"),
}


def _read_token(change: object, slug: str, known: Mapping[str, Credential]) -> Credential:
    if not isinstance(change, dict):
        raise WishError("Each of tokens must be an object.")
    known_names = {"token", "scheme", "rate_limit", "scopes", "expires_at", "revoked", "app"}
    _refuse_unknown(change, known_names)
    name = _read_text(change, "token")
    token = known.get(name) or Credential(name, slug, "oauth", seed.NO_LIMIT)
    return replace(
        token,
        scheme=_read_scheme(change.get("scheme", token.scheme)),
        rate_limit=_read_count(change, "rate_limit", token.rate_limit),
        scopes=_read_scopes(change["scopes"]) if "scopes" in change else token.scopes,
        expires_at=_read_time(change.get("expires_at", token.expires_at)),
        revoked=bool(change.get("revoked", token.revoked)),
        client_id=_read_text({"app": token.client_id or "", **change}, "app", empty=True) or None,
    )


def _refusal(status: int, message: str) -> Answer:
    return as_json(status, {"message": message})
