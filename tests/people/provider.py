"""A small OpenID Connect provider for tests: `python provider.py PORT`. Whoever asks chooses who they are, on a page.

It speaks what Streamlit's sign-in asks for: discovery, authorization code, token (RS256) and keys. Nothing is kept.
"""

from __future__ import annotations

import html
import secrets
import sys
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

PEOPLE = {
    "ann": {"email": "Ann@School.example", "email_verified": True},
    "ben": {"email": "ben@school.example", "email_verified": True},
    "tea": {"email": "tea.cher@school.example", "email_verified": True},
    "eve": {"email": "tea.cher@school.example", "email_verified": False},
    "nil": {},
}
"""Who may be chosen. Ann's address has capitals; Eve says the teacher's, unverified; Nil has none."""


def provider(issuer: str) -> Starlette:
    key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    codes: dict[str, dict[str, Any]] = {}

    async def discovery(request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    async def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        chosen = asked.pop("as", None)
        if chosen is None:
            ways = {who: html.escape(urlencode(asked | {"as": who})) for who in PEOPLE}
            links = "".join(f'<p><a href="?{way}">{who}</a></p>' for who, way in ways.items())
            return HTMLResponse(f"<title>Who are you</title>{links}")
        code = secrets.token_urlsafe()
        codes[code] = {"who": chosen, "nonce": asked.get("nonce"), "client": asked["client_id"]}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        given = codes.pop(form["code"])
        now = int(time.time())
        claims = {
            "iss": issuer,
            "sub": given["who"],
            "aud": given["client"],
            "iat": now,
            "exp": now + 600,
            "name": given["who"].capitalize(),
            **({"nonce": given["nonce"]} if given["nonce"] else {}),
            **PEOPLE[given["who"]],
        }
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        return JSONResponse({"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": signed})

    async def jwks(request: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False)]})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/authorize", authorize),
            Route("/token", token, methods=["POST"]),
            Route("/jwks", jwks),
        ]
    )


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(provider(f"http://127.0.0.1:{port}"), host="127.0.0.1", port=port, log_level="warning")
