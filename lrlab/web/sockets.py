"""Answers that leave at once.

A small answer is two writes, head and body. With Nagle's algorithm the second waits until the browser has acknowledged
the first, which it puts off by 40 ms: more than a curve takes to be computed and drawn. asyncio switches the algorithm
off only for sockets that name their protocol, and Streamlit's listening socket does not.
"""

from __future__ import annotations

import os
import socket

import psutil


def answer_at_once() -> int:
    """Sets TCP_NODELAY on this process's listening sockets, which the connections they accept inherit (Linux, macOS).

    Returns how many there are. To be called once the server listens.
    """
    listening = [
        connection
        for connection in psutil.Process().net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.fd >= 0
    ]
    for connection in listening:
        with socket.socket(fileno=os.dup(connection.fd)) as listener:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return len(listening)
