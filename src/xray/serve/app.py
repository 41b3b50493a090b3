"""The application: which paths there are, and what each does."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from xray import NOTICE, ONE_SOURCE, __version__
from xray.explain.maps import methods_of
from xray.predictor.base import Predictor
from xray.serve.answers import ErrorBody, Explained, ModelCard, Prediction, State, model_id
from xray.serve.description import describe_form
from xray.serve.documentation import documentation_page, policy_of
from xray.serve.errors import CODES, MEANINGS, ApiError, busy
from xray.serve.explaining import choose_method
from xray.serve.metrics import CONTENT_TYPE
from xray.serve.pages import mount_page
from xray.serve.service import Service
from xray.serve.settings import Settings
from xray.serve.watch import Watch, error_response, record_of


def make_app(predictor: Predictor, settings: Settings | None = None) -> FastAPI:
    """The application for one model.

    `app.state.service` is its `Service`.

    Args:
        predictor: The model.
        settings: Limits; by default the usual ones.
    """
    service = Service(predictor, settings or Settings())
    settings, manifest = service.settings, service.manifest
    app = FastAPI(
        title="xray",
        version=__version__,
        summary="Pneumonia on chest X-rays, over HTTP.",
        description=f"{NOTICE} {ONE_SOURCE} Nothing that is sent is kept.",
        lifespan=service.lifespan,
        # Its description is a route of our own, which metrics and logs can name.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=_errors(500, 503),
    )
    app.state.service = service
    app.add_middleware(
        Watch, version=manifest.version, drain_bytes=settings.request_bytes, observe=service.metrics.observe
    )
    _answer_errors(app)
    guarded: list[Any] = [Depends(_guard(settings.token))] if settings.token else []
    rejections = _errors(401) if settings.token else {}
    of_files = _errors(400, 408, 413, 415, 422) | rejections

    @app.post(
        "/predict",
        dependencies=guarded,
        responses=of_files,
        openapi_extra=describe_form("files", many=True),
        tags=["images"],
    )
    async def predict(request: Request) -> Prediction:
        """Tell the classes apart on one or several images: JPEG, PNG or DICOM, in the field `files`.

        Either all files are answered or none is: the error names each file that is to blame.
        """
        async with service.form(request, "files") as form:
            images = await service.decoder.images(form.files)
            predictions = await asyncio.gather(*map(service.batcher.submit, images))
        results = [
            service.result(index, file.name, prediction, request)
            for index, (file, prediction) in enumerate(zip(form.files, predictions, strict=True))
        ]
        return Prediction(
            model=identity, notice=manifest.notice, results=results, request_id=record_of(request).request_id
        )

    @app.post(
        "/explain",
        dependencies=guarded,
        responses=of_files,
        openapi_extra=describe_form("file", many=False, methods=methods_of(manifest)),
        tags=["images"],
    )
    async def explain(request: Request) -> Explained:
        """Tell the class of one image, in the field `file`, and show what moved the model's number.

        The field `method` chooses how; by default the first that the model has.
        """
        async with service.form(request, "file") as form:
            if len(form.files) > 1:
                raise ApiError(413, "One file at a time can be explained.", "too_many_files")
            method = choose_method(form.fields.get("method"), manifest)
            shown = await service.explainer.explain(form.files[0], method)
        return Explained(
            model=identity,
            notice=manifest.notice,
            result=service.result(0, form.files[0].name, shown.prediction, request),
            image=shown.image,
            width=shown.width,
            height=shown.height,
            methods=methods_of(manifest),
            heat=shown.heat,
            request_id=record_of(request).request_id,
        )

    @app.get("/model", dependencies=guarded, responses=rejections, tags=["model"])
    async def model() -> ModelCard:
        """What the model takes, how it decides, what it was trained on, and what it must not be used for."""
        return ModelCard(
            manifest=asdict(manifest) | {"ood": None},
            rejects=service.decision_model.rejects,
            methods=methods_of(manifest),
            limits={name: getattr(settings, name) for name in ("files", "file_bytes", "request_bytes", "pixels")},
            notice=manifest.notice,
            caution=ONE_SOURCE,
        )

    @app.get("/health", tags=["operation"])
    async def health() -> State:
        """Whether the process lives."""
        return State(status="ok", model_version=manifest.version)

    @app.get("/ready", tags=["operation"])
    async def ready() -> State:
        """Whether images are answered: from when the model has answered a trial image until the service is to stop."""
        if not service.ready:
            raise busy("The service is about to start or to stop.", "not_ready")
        return State(status="ready", model_version=manifest.version)

    @app.get(
        "/metrics", dependencies=guarded, responses=rejections, response_class=PlainTextResponse, tags=["operation"]
    )
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = documentation_page(app.openapi())
        return HTMLResponse(page, headers={"Content-Security-Policy": policy_of(page)})

    @app.get("/openapi.json", include_in_schema=False)
    async def description() -> JSONResponse:
        return JSONResponse(app.openapi())

    identity = model_id(manifest)
    mount_page(app)
    _answer_head(app)
    return app


def _answer_head(app: FastAPI) -> None:
    """Let HEAD be asked wherever GET is: the server sends the head alone."""
    # Described beforehand: that this is so goes without saying, and a description would say all twice.
    app.openapi()
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> Response:
        return error_response(request.scope, error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        told = {404: "There is no such path; /docs lists them.", 405: MEANINGS[405]}
        message = told.get(error.status_code, "The request cannot be answered.")
        wrapped = ApiError(error.status_code, message, CODES.get(error.status_code), headers=error.headers)
        return error_response(request.scope, wrapped)


def _guard(token: str) -> Callable[..., None]:
    scheme = HTTPBearer(auto_error=False, description="The token that the service was started with.")

    def check(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(scheme)]) -> None:
        # In constant time, so that its length of agreement cannot be measured.
        if shown is None or not secrets.compare_digest(shown.credentials.encode(), token.encode()):
            raise ApiError(401, "The bearer token is missing or wrong.", headers={"WWW-Authenticate": "Bearer"})

    return check


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorBody, "description": MEANINGS[status]} for status in statuses}
