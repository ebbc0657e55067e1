"""The table of routes is whole, and nothing in it opens more than it says."""

import pytest
from fastapi import FastAPI
from starlette.routing import Route

from api.access import FILTERS, ROLES, RULES, Rule, caller_of
from api.access_guard import guard_routes, list_methods
from api.app import create_app
from infra.cli.token import RoleName
from stream.errors import Corrupt


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app()


def test_each_route_has_a_rule_and_each_rule_a_route(app: FastAPI) -> None:
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) == len(app.routes)
    assert RULES.keys() == {
        f"{method} {route.path}" for route in routes for method in list_methods(route)
    }


def test_a_route_without_a_rule_is_not_served() -> None:
    app = FastAPI(openapi_url=None)
    app.get("/v1/patients")(lambda: None)
    with pytest.raises(Corrupt, match="GET /v1/patients"):
        guard_routes(app)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule in FILTERS])
def test_a_filter_that_opens_a_list_is_one_that_it_takes(app: FastAPI, name: str) -> None:
    method, path = name.split()
    parameters = app.openapi()["paths"][path][method.lower()]["parameters"]
    taken = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    assert taken >= set(FILTERS[RULES[name]])


def test_addresses_and_rules_go_together() -> None:
    """What an address alone tells of who may use it."""
    for name, rule in RULES.items():
        method, path = name.split()
        assert (rule is Rule.OPEN) is not path.startswith(("/v1/", "/metrics/"))
        assert (rule is Rule.PUBLIC) is path.startswith("/v1/availability/")
        is_of_one = method == "GET" and path.startswith("/v1/facilities/{facility_id}/")
        assert (rule is Rule.FACILITY) is is_of_one
        is_of_district = method == "GET" and path.startswith("/v1/districts/{district_id}/")
        assert (rule is Rule.DISTRICT) is is_of_district
        assert (rule is Rule.REGISTER) is (method == "PUT" or path.startswith("/v1/reference/"))
        assert (rule is Rule.POST) is path.startswith("/v1/events")


def test_the_document_says_where_a_token_is_needed(app: FastAPI) -> None:
    document = app.openapi()
    for name, rule in RULES.items():
        method, path = name.split()
        if path not in document["paths"]:  # pages and documents
            assert rule is Rule.OPEN
            continue
        operation = document["paths"][path][method.lower()]
        needs_token = rule not in (Rule.OPEN, Rule.PUBLIC)
        assert ("security" in operation) is needs_token
        assert ("401" in operation["responses"]) is needs_token
    assert "bearer" in document["components"]["securitySchemes"]


def test_the_command_line_knows_the_roles() -> None:
    assert [role.value for role in RoleName] == list(ROLES)


def test_an_unknown_role_may_do_nothing() -> None:
    assert caller_of("x", "admin").role is ROLES["public"]
