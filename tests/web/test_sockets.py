"""Connections that a listening socket accepts inherit what was set on it."""

import socket

from lrlab.web.sockets import answer_at_once


def test_accepted_connections_send_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert answer_at_once() >= 1
        with socket.create_connection(server.getsockname()):
            accepted, _ = server.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_without_a_listening_socket_nothing_is_done():
    before = answer_at_once()
    with socket.create_server(("127.0.0.1", 0)):
        assert answer_at_once() == before + 1
