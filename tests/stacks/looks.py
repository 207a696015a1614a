"""Looks at the machine from outside."""

from collections.abc import Iterable

import psutil


def listening(ports: Iterable[int]) -> set[int]:
    """Which of these ports somebody listens on."""
    wanted = set(ports)
    return {
        connection.laddr.port
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted
    }
