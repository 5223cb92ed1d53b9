"""A login provider on this machine, as OpenID Connect has it: it knows one person, and asks nobody.

It holds the client to the protocol: its secret, the code that it was given, PKCE, and the nonce.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

__all__ = ["CLIENT", "PERSON", "SECRET", "Provider", "provided"]

CLIENT, SECRET = "outskirts", "a secret between two machines"
PERSON = {"sub": "17", "name": "Ada Lovelace", "email": "ada@example.org"}


class Provider:
    """Its address, and what came: codes that are out, and how often somebody asked for a token."""

    def __init__(self) -> None:
        from joserfc.jwk import RSAKey

        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens = 0
        self.logouts: list[str] = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.get(self)

            def do_POST(self) -> None:
                owner.post(self)

            def log_message(self, *arguments: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.metadata = f"{self.issuer}/.well-known/openid-configuration"

    def get(self, request: http.server.BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/.well-known/openid-configuration":
            answer(request, self._metadata())
        elif url.path == "/jwks":
            answer(request, {"keys": [self.key.as_dict(private=False)]})
        elif url.path == "/authorize":
            self._authorize(request, asked)
        elif url.path == "/logout":
            self.logouts.append(asked.get("id_token_hint", ""))
            redirect(request, asked["post_logout_redirect_uri"])
        else:
            answer(request, {"error": "not found"}, status=404)

    def _metadata(self) -> dict[str, object]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _authorize(
        self, request: http.server.BaseHTTPRequestHandler, asked: dict[str, str]
    ) -> None:
        if asked.get("client_id") != CLIENT or asked.get("response_type") != "code":
            answer(request, {"error": "unauthorized_client"}, status=400)
            return
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        redirect(request, f"{asked['redirect_uri']}?{back}")

    def post(self, request: http.server.BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("content-length", 0))
        form = {k: v[0] for k, v in parse_qs(request.rfile.read(length).decode()).items()}
        known = self.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        secret = request.headers.get("authorization") == f"Basic {basic}"
        verifier = form.get("code_verifier", "").encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
        if not secret or known is None or known.get("code_challenge") != digest:
            answer(request, {"error": "invalid_grant"}, status=400)
            return
        self.tokens += 1
        answer(request, {"access_token": "x", "token_type": "Bearer", "id_token": self._id(known)})

    def _id(self, asked: dict[str, str]) -> str:
        from joserfc import jwt

        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **PERSON}
        return jwt.encode(
            {"alg": "RS256", "kid": "one"}, {**claims, "nonce": asked["nonce"]}, self.key
        )

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def answer(
    request: http.server.BaseHTTPRequestHandler, found: object, *, status: int = 200
) -> None:
    body = json.dumps(found).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def redirect(request: http.server.BaseHTTPRequestHandler, place: str) -> None:
    request.send_response(302)
    request.send_header("Location", place)
    request.send_header("Content-Length", "0")
    request.end_headers()


@contextmanager
def provided() -> Iterator[Provider]:
    provider = Provider()
    threading.Thread(target=provider.server.serve_forever, daemon=True).start()
    yield provider
    provider.stop()
