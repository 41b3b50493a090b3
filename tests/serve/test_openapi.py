"""The service against its own description."""

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serve.fakes import FakePredictor
from xray.serve.app import make_app

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)

schema = schemathesis.openapi.from_asgi("/openapi.json", make_app(FakePredictor()))


@schema.parametrize()
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_answers_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=CHECKS)
