"""What the routes work with, made once by `api.app` and handed on with each request."""

from dataclasses import dataclass

from fastapi import Request

from api.access_guard import Gate
from api.directory import Directory
from api.known_ids import KnownIds
from api.new_keys import NewKeys
from api.reading import Reading
from api.settings import ApiSettings
from projections.reading import ReadModel
from stream.keyring import KeyRing
from stream.log import EventLog


@dataclass(frozen=True, slots=True)
class Services:
    settings: ApiSettings
    log: EventLog
    keys: KeyRing
    new_keys: NewKeys
    read_model: ReadModel
    directory: Directory
    known: KnownIds
    gate: Gate
    reading: Reading


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
