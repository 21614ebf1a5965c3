"""A device with a passkey, in software: it answers the options of a page as a browser does."""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

HOST = "testserver"
FLAGS = AuthenticatorData.FLAG
KNOWS_ITS_PERSON = FLAGS.UP | FLAGS.UV


class Device:
    """One passkey for the console at HOST."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(16)

    def register(self, options: Mapping[str, Any]) -> str:
        """What a browser posts after navigator.credentials.create(), as JSON."""
        public = ES256.from_cryptography_key(self._key.public_key())  # type: ignore[no-untyped-call]  # fido2's
        made = AttestedCredentialData.create(bytes(16), self._id, public)
        data = AuthenticatorData.create(_host(), KNOWS_ITS_PERSON | FLAGS.AT, 0, made)
        attestation = AttestationObject.create("none", data, {})
        client_data = _client_data("webauthn.create", options)
        return self._posted(clientDataJSON=client_data, attestationObject=attestation)

    def answer(self, options: Mapping[str, Any]) -> str:
        """What a browser posts after navigator.credentials.get(), as JSON."""
        data = AuthenticatorData.create(_host(), KNOWS_ITS_PERSON, 1)
        client_data = _client_data("webauthn.get", options)
        signed = self._key.sign(data + client_data.hash, ec.ECDSA(hashes.SHA256()))
        return self._posted(clientDataJSON=client_data, authenticatorData=data, signature=signed)

    def _posted(self, **response: bytes) -> str:
        name = websafe_encode(self._id)
        encoded = {part: websafe_encode(value) for part, value in response.items()}
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": encoded,
                "clientExtensionResults": {},
            }
        )


def options_on(html: str) -> dict[str, Any]:
    """What a page asks of the device."""
    text = html.split('id="passkey-options" type="application/json">')[1].split("<")[0]
    found: dict[str, Any] = json.loads(text)["publicKey"]
    return found


def set_up(client: Client) -> Device:
    """A passkey for whoever is signed in with `client`, set up by the page."""
    device, url = Device(), reverse("mfa_add_webauthn")
    options = options_on(client.get(url).content.decode())
    client.post(url, {"name": "Work laptop", "credential": device.register(options)})
    return device


def _host() -> bytes:
    return hashlib.sha256(HOST.encode()).digest()


def _client_data(kind: str, options: Mapping[str, Any]) -> CollectedClientData:
    return CollectedClientData.create(kind, options["challenge"], f"https://{HOST}")


USER_HANDLE = "MQ"


RUBBISH = [
    "",
    "null",
    "[]",
    "1",
    '"text"',
    "{}",
    "{not json",
    '{"response": null}',
    '{"response": {"userHandle": 7}}',
    json.dumps({"id": "x", "rawId": "x", "type": "public-key", "response": {}}),
    json.dumps(
        {
            "id": "AAAA",
            "rawId": "AAAA",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "e30",
                "authenticatorData": "AAAA",
                "attestationObject": "AAAA",
                "signature": "AAAA",
                "userHandle": USER_HANDLE,
            },
        }
    ),
]
