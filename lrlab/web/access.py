"""Who may do what over HTTP: every route names its action in the table of rights, and passes the checks here first.

A browser lends the cookies and the network position of its user to requests that other sites make. So a request that
changes something, or that brings something to work on (any but GET), must come from a page of this server (Origin
equals Host), and where the server is bound to this machine the Host must be one of its own names, which defeats DNS
rebinding. A WebSocket must come from a page of this server whatever it is for: what it brings is not kept from other
sites, as the answer to their request would be.

Then whoever asks must be known, and may do what they ask for to the thing that they ask it of; see `lrlab.rights`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import SplitResult, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from lrlab.desk import Desk
from lrlab.errors import Forbidden, LabError, NotFound
from lrlab.home import Home
from lrlab.rights import ACTIONS, LOCAL, Kind, Person

Endpoint = Callable[[Request], Awaitable[Response]]
Conversation = Callable[[WebSocket], Awaitable[None]]
Who = Callable[[HTTPConnection], Person | None]
"""Whoever a request comes from; None where they have not signed in to a lab that asks for it."""
Found = Callable[[Desk, HTTPConnection, str], object]
"""Looks up what a request is about, for an action; NotFound or Forbidden where the desk says so."""

REFUSED = 1008
"""The code that a WebSocket is closed with before it is accepted, which a browser sees as status 403."""

SIGN_IN = "sign in first"

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

_asking: ContextVar[Person | None] = ContextVar("asking", default=None)


def allowed_hosts(address: str | None, names: Iterable[str] = ()) -> frozenset[str] | None:
    """The Host names to accept for a server bound to `address`; None accepts every name.

    `names`: those by which a proxy is reached that passes requests on, as Streamlit's server.allowedHosts has them.
    """
    if address not in LOCAL_HOSTS:
        return None
    return LOCAL_HOSTS | {name.strip().lower() for name in names}


def refused(error: LabError) -> JSONResponse:
    """A LabError as an answer: {"error": sentence, "field": name or null}."""
    status = 404 if isinstance(error, NotFound) else 403 if isinstance(error, Forbidden) else 400
    return JSONResponse({"error": str(error), "field": error.field}, status_code=status)


def the_local_user(connection: HTTPConnection) -> Person:
    """Whoever asks, at a lab that nobody signs in to."""
    return LOCAL


def asking() -> Person | None:
    """Whoever the request comes from that is being answered; None outside of one."""
    return _asking.get()


def desk_of(connection: HTTPConnection) -> Desk:
    """The desk of whoever asks, in an endpoint."""
    desk: Desk = connection.state.desk
    return desk


def run_of(desk: Desk, connection: HTTPConnection, action: str) -> object:
    """The run that the path names."""
    return desk.run(connection.path_params["run_id"], action)


class Access:
    """Makes routes that check Host, Origin and rights before their endpoint runs, and turn LabErrors into answers."""

    def __init__(self, hosts: frozenset[str] | None, home: Home, who: Who = the_local_user) -> None:
        self._hosts, self._home, self._who = hosts, home, who

    def route(
        self,
        path: str,
        endpoint: Endpoint,
        action: str,
        methods: tuple[str, ...] = ("GET",),
        found: Found | None = None,
    ) -> Route:
        """A Starlette route for `endpoint`, guarded as the entry `action` of the table of rights demands.

        `found` looks up what the request is about; a path with {run_id} is about that run. ValueError where the entry
        gives a right to a thing and the route is about none.
        """
        kind, found = _settled(path, action, found)
        if kind == "page":
            raise ValueError(f"{action!r} is no route's")

        async def guarded(request: Request) -> Response:
            refusal = self._refusal(request, kind)
            if refusal:
                return JSONResponse({"error": refusal}, status_code=403)
            try:
                person = self._person(request)
                if person is None:
                    return JSONResponse({"error": SIGN_IN}, status_code=401)
                with _asked_by(person):
                    await self._admit(request, person, action, found)
                    return await endpoint(request)
            except LabError as error:
                return refused(error)

        return Route(path, guarded, methods=list(methods), name=action)

    def socket(self, path: str, conversation: Conversation, action: str) -> WebSocketRoute:
        """A WebSocket route for `conversation`, which accepts it; `action` is an entry of the table to converse."""
        kind, found = _settled(path, action, None)
        if kind != "converse":
            raise ValueError(f"{action!r} is not done over a WebSocket")

        async def guarded(socket: WebSocket) -> None:
            refusal = self._refusal(socket, kind)
            try:
                person = None if refusal else self._person(socket)
                if person is not None:
                    await self._admit(socket, person, action, found)
            except LabError as error:
                person, refusal = None, str(error)
            if person is None:
                await socket.close(REFUSED, refusal or SIGN_IN)
                return
            with _asked_by(person):
                await conversation(socket)

        return WebSocketRoute(path, guarded, name=action)

    def _person(self, connection: HTTPConnection) -> Person | None:
        """Whoever asks; the gate, where there is one, has found it out for this request."""
        known: Person | None = getattr(connection.state, "person", None)
        return known or self._who(connection)

    def unchanged(self, connection: HTTPConnection) -> bool:
        """Whether a request that is being answered for long would still come from the same person with the same rights.

        A sign-in that ended elsewhere is not seen: a request keeps the cookie that it came with.
        """
        try:
            return self._who(connection) == desk_of(connection).person
        except LabError:  # the settings have a fault at this moment, and nothing says that the rights are others
            return True

    async def _admit(self, connection: HTTPConnection, person: Person, action: str, found: Found | None) -> None:
        desk = connection.state.desk = Desk(self._home, person)
        if found is None:
            desk.demand(action)
        elif not person.may_all:  # for anybody else the endpoint says what is not there
            await run_in_threadpool(found, desk, connection, action)

    def _refusal(self, request: HTTPConnection, kind: Kind) -> str | None:
        host = request.headers.get("host", "")
        name = _split(f"//{host}").hostname or ""
        if self._hosts is not None and name not in self._hosts:
            return f"host {name!r} is not a name of this server"
        if kind != "read" or request.scope.get("method") not in ("GET", "HEAD"):
            origin = request.headers.get("origin")
            if not (origin and host) or _split(origin).netloc != host:
                return "this request must come from a page of this server"
        return None


def _split(address: str) -> SplitResult:
    """The parts of an address; of one that cannot be read, such as http://[, there are none."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


@contextmanager
def _asked_by(person: Person) -> Iterator[None]:
    token = _asking.set(person)
    try:
        yield
    finally:
        _asking.reset(token)


def _settled(path: str, action: str, found: Found | None) -> tuple[Kind, Found | None]:
    """The kind of `action`, and how what it is done to is found; KeyError where it has no entry."""
    kind, right = ACTIONS[action]
    if found is None and "{run_id}" in path:
        found = run_of
    if right in ("viewer", "owner") and found is None:
        raise ValueError(f"{action!r} is done to something, and {path} names nothing")
    return kind, found
