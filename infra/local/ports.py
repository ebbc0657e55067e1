"""Loopback ports that stay ours between restarts of a part."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range that Linux takes outgoing ports from (32768 on), so that no client connection
# can take a part's port in the moment that the part restarts.
OWN_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A free port that is not among those already promised to another part."""
    while True:
        port = random.choice(OWN_RANGE)
        if port not in taken and is_free(port):
            return port


def accepts(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0
