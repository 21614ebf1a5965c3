"""The pages for people. Every value that is not written here goes through `html.escape`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from tools.practice_lofty.faults import KINDS, METHODS, Fault, Kind, Parameter
from tools.practice_lofty.messages import Answer, as_html
from tools.practice_lofty.tour import TRIES, Try

CUSTOMER_PREFIX = "/customers/"
TOUR = "/tour"
FOLDER = Path(__file__).with_name("assets")
ASSETS: Mapping[str, str] = {
    "/assets/sandbox.css": "text/css; charset=utf-8",
    "/assets/sandbox.js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def asset(path: str) -> Answer:
    return Answer(200, (FOLDER / Path(path).name).read_bytes(), ASSETS[path])


def index(customers: Sequence[Mapping[str, object]], *, has_tour: bool = False) -> Answer:
    """Every customer in short; `customers` as Control.summary gives them."""
    lead = f"<p><a href='{TOUR}'><b>Things to try</b></a>, with Lofty failing where it should</p>"
    cards = "".join(map(_card, customers)) or "<p>No customers. Start it with --seed.</p>"
    intro = (
        "<p>It behaves like Lofty and holds made-up customers only. Open a customer to see its "
        "settings and what it received, to change settings behind the console’s back, and to let "
        "it misbehave.</p>"
    )
    intro += lead if has_tour else ""
    return _page("Practice Lofty", f"{intro}<div class=cards>{cards}</div>{_kinds()}")


def customer(details: Mapping[str, object], puts: Sequence[Mapping[str, object]]) -> Answer:
    """One customer; `details` as Control.describe gives them, `puts` oldest first."""
    url = f"/_control/customers/{details['slug']}"
    parts = (
        "<p><a href='/'>All customers</a></p>",
        _section("Tokens", _tokens(details, url)),
        _section("Misbehaviour", _active_faults(details, url) + _fault_form(url)),
        _section("Change settings behind the console’s back", _settings_form(url)),
        _section("Settings now", _settings(details["settings"])),
        _section(f"Last PUTs ({details['puts_received']} received)", _puts(puts)),
        _section("Where Lofty’s behaviour is not known", _options_form(details["options"], url)),
    )
    return _page(str(details["name"]), "".join(parts))


def tour(console_url: str, faults: Mapping[str, Sequence[Fault]]) -> Answer:
    """Things to try in the console; `faults`: what each customer's requests will meet."""
    tries = "".join(
        _try(number, one, console_url, faults.get(one.slug, ()))
        for number, one in enumerate(TRIES, start=1)
    )
    intro = (
        "<p>In the console, sign in as <b>editor@demo.example</b> unless you want to be somebody "
        "else; the password is <code>harbor ladder teal morning</code>. A button here makes Lofty "
        "misbehave once, at the next save of that customer.</p><p><a href='/'>All customers</a></p>"
    )
    return _page("Things to try", intro + tries)


def message(status: int, title: str, text: str) -> Answer:
    return _page(title, f"<p>{_text(text)}</p>", status=status)


def authorise(name: str, client_id: str, redirect_url: str, slugs: Iterable[str]) -> Answer:
    """Where a customer lets an app in. The browser must be free to go back to the app."""
    options = "".join(f"<option>{_text(slug)}</option>" for slug in slugs)
    target = urlsplit(redirect_url)
    body = f"""
        <p><b>{_text(name)}</b> asks for access to a Lofty account.</p>
        <form method=post class=stack>
          <input type=hidden name=clientId value="{_text(client_id)}">
          <label>Sign in as <select name=customer>{options}</select></label>
          <p class=row><button name=decision value=approve>Approve</button>
          <button name=decision value=deny class=quiet>Deny</button></p>
        </form>"""
    return _page("Let this app in?", body, back_to=f"{target.scheme}://{target.netloc}")


def _page(title: str, body: str, *, status: int = 200, back_to: str = "") -> Answer:
    text = f"""<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<meta name=color-scheme content="light dark">
<title>{_text(title)} – practice Lofty</title>
<link rel=stylesheet href="/assets/sandbox.css">
<link rel=icon href="data:,">
<script src="/assets/sandbox.js" defer></script>
<main><h1>{_text(title)}</h1>
<noscript><p class=alert>The forms on this page need JavaScript.</p></noscript>
{body}</main>"""
    return as_html(status, text).plus(
        {
            "Content-Security-Policy": f"{POLICY} {back_to}".strip(),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )


def _text(value: object) -> str:
    return escape(str(value))


def _json(value: object) -> str:
    return _text(json.dumps(value, ensure_ascii=False))


def _section(title: str, body: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{body}</section>"


def _maps(value: object) -> list[Mapping[str, object]]:
    """The list of objects that the control API's answer holds here."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _card(summary: Mapping[str, object]) -> str:
    tokens = _maps(summary["tokens"])
    faults = ", ".join(str(fault["kind"]) for fault in _maps(summary["faults"]))
    state = "" if summary["has_agent"] else "<li>No Sales Agent</li>"
    bad = f"<li class=alert>Misbehaves: {_text(faults)}</li>" if faults else ""
    calls = "".join(f"<li>{_text(_calls(token))}</li>" for token in tokens[:1])
    codes = "".join(f"<code class=token>{_text(token['token'])}</code>" for token in tokens[:1])
    return f"""<article><h2><a href="{CUSTOMER_PREFIX}{_text(summary["slug"])}">
        {_text(summary["name"])}</a></h2><p class=muted>{_text(summary["slug"])}</p>
        <ul><li>Members: {_text(summary["members"])}</li>
        <li>PUTs received: {_text(summary["puts_received"])}</li>{calls}{state}{bad}</ul>
        {codes}</article>"""


def _calls(token: Mapping[str, object]) -> str:
    kind = "API key" if token["scheme"] == "api_key" else "OAuth token"
    dead = " that is revoked or has expired" if token["dead"] else ""
    scopes = token["scopes"]
    limits = f", only for {', '.join(scopes)}" if isinstance(scopes, tuple) else ""
    left = f"{token['rate_remaining']} of {token['rate_limit']} calls left this minute"
    return f"{kind}{dead}{limits}, {left}"


def _tokens(details: Mapping[str, object], url: str) -> str:
    rows = "".join(_token(token, url) for token in _maps(details["tokens"]))
    return f"<ul class=rows>{rows}</ul>"


def _token(token: Mapping[str, object], url: str) -> str:
    word = "token" if token["scheme"] == "api_key" else "Bearer"
    until = f", ends {token['expires_at']}" if token["expires_at"] else ""
    revoked = bool(token["revoked"])
    change = [{"token": token["token"], "revoked": not revoked}]
    form = _form(
        "PATCH",
        url,
        f'<input type=hidden name=tokens data-as=json value="{_json(change)}">',
        "Restore" if revoked else "Revoke",
    )
    return f"""<li><code class=token>Authorization: {word} {_text(token["token"])}</code>
        <p>{_text(_calls(token))}{_text(until)}.</p>{form}</li>"""


def _active_faults(details: Mapping[str, object], url: str) -> str:
    faults = _maps(details["faults"])
    if not faults:
        return "<p>None: it behaves well.</p>"
    rows = "".join(_active_fault(fault, url) for fault in faults)
    return f"<ul class=rows>{rows}</ul>{_form('DELETE', f'{url}/faults', '', 'Remove all')}"


def _active_fault(fault: Mapping[str, object], url: str) -> str:
    shown = {k: v for k, v in fault.items() if k not in ("id", "kind", "on", "path", "times")}
    often = "until removed" if fault["times"] is None else f"times left: {fault['times']}"
    where = f"{fault['on']} {fault['path']}".strip()
    remove = _form("DELETE", f"{url}/faults/{fault['id']}", "", "Remove")
    return f"""<li><p><b>{_text(fault["kind"])}</b> on {_text(where)}, {_text(often)}.
        <code>{_json(shown)}</code></p>{remove}</li>"""


def _fault_form(url: str) -> str:
    kinds = "".join(f"<option>{_text(name)}</option>" for name in KINDS)
    methods = "".join(f"<option>{method}</option>" for method in ("any", *METHODS))
    fields = "".join(_kind_fields(kind) for kind in KINDS.values())
    body = f"""<div class=grid>
        <label>What happens <select name=kind>{kinds}</select></label>
        <label>On <select name=on>{methods}</select></label>
        <label>Path begins with <input name=path placeholder="any path"></label>
        <label>How often <input name=times type=number min=1 value=1 data-as=count>
        <small>empty = until removed</small></label></div>{fields}"""
    return _form("POST", f"{url}/faults", body, "Let it misbehave", "stack")


def _kind_fields(kind: Kind) -> str:
    fields = "".join(map(_parameter, kind.parameters))
    return f"""<fieldset data-kind="{_text(kind.name)}"><legend>{_text(kind.text)}</legend>
        <div class=grid>{fields}</div></fieldset>"""


def _parameter(parameter: Parameter) -> str:
    name, default = _text(parameter.name), parameter.default
    if parameter.choices:
        field = f"<select name={name}>{_choices(parameter.choices, default)}</select>"
    elif isinstance(default, bool):
        field = f"<select name={name} data-as=json>{_choices(('true', 'false'), _json(default))}"
        field += "</select>"
    elif isinstance(default, int | float):
        field = (
            f"<input name={name} type=number step=any min={parameter.least:g} "
            f'max={parameter.most:g} value="{default:g}" data-as=json>'
        )
    elif isinstance(default, str):
        field = f'<input name={name} value="{_text(default)}">'
    else:
        value = "" if default is None else _json(default)
        field = f'<input name={name} data-as=json value="{value}" placeholder="JSON">'
    return f"<label>{name.replace('_', ' ')} {field}</label>"


def _choices(choices: Iterable[str], chosen: object) -> str:
    return "".join(
        f"<option{' selected' if choice == chosen else ''}>{_text(choice)}</option>"
        for choice in choices
    )


def _settings_form(url: str) -> str:
    example = _json({"assistantName": "Mia", "startActiveHour": 10})
    body = f"""<label>The properties that change, as JSON
        <textarea name=settings data-as=json rows=3 required>{example}</textarea></label>
        <p class=muted>Takes effect at once. The console only learns of it when it reads.</p>"""
    return _form("PATCH", url, body, "Change", "stack")


def _settings(settings: object) -> str:
    if not isinstance(settings, Mapping):
        return "<p>This customer has no Sales Agent.</p>"
    rows = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_json(value)}</dd></div>"
        for name, value in settings.items()
    )
    return f"<dl>{rows}</dl>"


def _puts(puts: Sequence[Mapping[str, object]]) -> str:
    if not puts:
        return "<p>None yet.</p>"
    return "".join(map(_put, reversed(puts)))


def _put(put: Mapping[str, object]) -> str:
    applied = "applied" if put["applied"] else "not applied"
    if put["due_at"] and not put["applied"]:
        applied = f"will be applied at {put['due_at']}"
    answer = "no answer" if put["status"] is None else f"answered {put['status']}"
    title = f"{put['received_at']} – {answer}, {applied}"
    return f"""<details><summary>{_text(title)}</summary>
        <pre>{_text(put["raw"])}</pre></details>"""


_OPTION_WORDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "omitted": ("What a PUT leaves out", ("keep", "clear")),
    "oversize": ("Too many members asked for", ("cap", "refuse")),
    "member_maximum": ("Most members per page", ()),
    "metadata_key": ("Name of the paging data", ("_metadata", "get_metadata")),
    "shuffle_lists": ("Lists come back in another order", ("false", "true")),
    "repeat_pages": ("Every page of a list is the first one again", ("false", "true")),
    "false_total": ("Total that lists name (-1 = the true one)", ()),
    "strict_put": ("A PUT with an unknown property is refused", ("false", "true")),
    "dead_answers_400": ("A dead token answers 400 instead of 401", ("false", "true")),
}


def _options_form(options: object, url: str) -> str:
    present = options if isinstance(options, Mapping) else {}
    fields = "".join(_option(name, present[name]) for name in _OPTION_WORDS)
    body = f"<div class=grid>{fields}</div>"
    return _form("PATCH", url, body, "Save", "stack", under="options")


def _option(name: str, value: object) -> str:
    words, choices = _OPTION_WORDS[name]
    if not choices:
        field = f'<input name={name} type=number min=-1 value="{_text(value)}" data-as=json>'
    else:
        kind = " data-as=json" if isinstance(value, bool) else ""
        chosen = json.dumps(value) if isinstance(value, bool) else value
        field = f"<select name={name}{kind}>{_choices(choices, chosen)}</select>"
    return f"<label>{words} {field}</label>"


def _form(
    method: str, url: str, body: str, button: str, shape: str = "inline", *, under: str = ""
) -> str:
    """Sent as JSON by sandbox.js; `under` names the object that the fields go into."""
    return f"""<form class={shape} data-method={method} data-url="{_text(url)}"
        data-under="{under}">{body}<button>{_text(button)}</button>
        <output role=status></output></form>"""


def _try(number: int, one: Try, console_url: str, faults: Sequence[Fault]) -> str:
    waits = any(fault.kind == one.fault.get("kind") for fault in faults)
    ready = "<p class=alert>Ready: it happens at the next save.</p>" if waits else ""
    body = f"""<p>{_text(one.words)}</p>
        <p><a href="{_text(console_url)}{_text(one.path)}" target=console>{_text(one.link)}</a></p>
        {_try_button(one)}{ready}<p class=muted>{_text(one.expect)}</p>"""
    return _section(f"{number}. {one.title}", body)


def _try_button(one: Try) -> str:
    url = f"/_control/customers/{one.slug}"
    if one.fault:
        fields = "".join(
            f'<input type=hidden name={name} data-as=json value="{_json(value)}">'
            for name, value in one.fault.items()
        )
        return _form("POST", f"{url}/faults", fields, one.button)
    if one.settings:
        changes = _json(one.settings)
        field = f'<input type=hidden name=settings data-as=json value="{changes}">'
        return _form("PATCH", url, field, one.button)
    return ""


def _kinds() -> str:
    rows = "".join(
        f"<div><dt><code>{_text(kind.name)}</code></dt><dd class=words>{_text(kind.text)} "
        f"<code>{_text(', '.join(p.name for p in kind.parameters))}</code></dd></div>"
        for kind in KINDS.values()
    )
    return _section("Ways to misbehave", f"<dl>{rows}</dl>")
