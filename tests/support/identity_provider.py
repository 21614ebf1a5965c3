"""An OpenID Connect provider on loopback that misbehaves on request.

with IdentityProvider() as provider:
    provider.claims["groups"] = ["sales"]     # what the next ID token says
    provider.issuer_in_token = "https://evil.test"
    code, state = provider.authorise(address_the_console_redirected_to)
"""

import base64
import contextlib
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "console", "the-client-secret-of-the-console"


class IdentityProvider:
    """`claims` are added to each ID token; what is None there is left out."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signing_key: Any = self.key
        self.algorithm, self.key_id = "RS256", "key-1"
        self.claims: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}  # instead of the token endpoint's own
        self.described_issuer = ""
        self.token_status = 200
        self.published_key_id = "key-1"
        self.delay = 0.0  # seconds before each answer
        self.spoil = ""  # "silent", "trickle" or "endless": how no answer is ever whole
        self.pages: list[str] = []  # what was asked for by GET
        self.requests: list[dict[str, str]] = []
        self._pending: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def authorise(self, address: str) -> dict[str, str]:
        """A person signs in there and agrees; the query with which the browser is sent back."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorise"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (asked["client_id"], asked["response_type"]) == (CLIENT_ID, "code")
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._pending)}"
        self._pending[code] = asked
        return {"code": code, "state": asked["state"]}

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.described_issuer or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorise",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.published_key_id, "alg": "RS256", "use": "sig"}]}

    def exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Once per code, with the client's secret and the verifier of its challenge."""
        self.requests.append(form)
        asked = self._pending.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or form.get("client_secret") != CLIENT_SECRET
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        answer = {"access_token": "an-access-token", "token_type": "Bearer"}
        id_token = self.id_token(asked.get("nonce", ""))
        return self.token_status, self.answer or {**answer, "id_token": id_token}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.claims,
        }
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            present, self.signing_key, algorithm=self.algorithm, headers={"kid": self.key_id}
        )


def _handler_of(provider: IdentityProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {
                "/.well-known/openid-configuration": provider.description,
                "/keys": provider.keys,
            }
            provider.pages.append(self.path)
            page = pages.get(self.path)
            self._answer(*((200, page()) if page else (404, {})))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(*provider.exchange({k: v[0] for k, v in parse_qs(body).items()}))

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            time.sleep(provider.delay)
            if provider.spoil:
                self._spoil()
                return
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _spoil(self) -> None:
            self.send_response(200)
            with contextlib.suppress(OSError):  # the console hangs up
                for number in range(200):
                    if provider.spoil == "silent":
                        time.sleep(0.1)
                    elif provider.spoil == "trickle":
                        self.send_header(f"X-{number}", "more to come")
                        self.flush_headers()
                        time.sleep(0.1)
                    else:
                        self.end_headers() if number == 0 else self.wfile.write(b"x" * 100_000)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler
