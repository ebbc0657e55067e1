"""Kafka's form of a cluster id: 16 random bytes in base64url without padding."""

import base64
import uuid


def new_cluster_id() -> str:
    """Never starts with a dash, which the format tool would read as an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
