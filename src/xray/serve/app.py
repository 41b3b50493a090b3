"""The FastAPI application: its paths and what each returns."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Depends, FastAPI, File, Form, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from xray import NOTICE, ONE_SOURCE, __version__
from xray.data.decode.pillow import READABLE_FORMATS
from xray.explain.maps import Method, methods_of
from xray.predictor.base import Predictor
from xray.serve.errors import ERRORS, ApiError, busy, too_many_files, unauthorized
from xray.serve.middleware import RequestMiddleware, error_response, is_token, record_of
from xray.serve.pages import mount_page
from xray.serve.responses import ID, VERSION, ErrorBody, Explanation, ModelInfo, Prediction, Status, model_id
from xray.serve.service import Service
from xray.serve.settings import Settings

LIMITS = ("files", "file_bytes", "request_bytes", "pixels")


def make_app(predictor: Predictor, settings: Settings | None = None) -> FastAPI:
    """Return the application for one model; `app.state.service` is its `Service`."""
    service = Service(predictor, settings or Settings())
    settings, manifest = service.settings, service.manifest
    methods, identity = methods_of(manifest), model_id(manifest)
    # Uploads stay in memory: by default the form parser writes larger ones to the disk.
    MultiPartParser.spool_max_size = settings.request_bytes
    app: FastAPI = FastAPIOffline(
        title="xray",
        version=__version__,
        summary="Pneumonia on chest X-rays, over HTTP.",
        description=f"{NOTICE} {ONE_SOURCE} Uploads are not stored.",
        lifespan=service.lifespan,
        redoc_url=None,
        static_url="/docs/static",
        favicon_url="/page/icon.svg",
        redirect_slashes=False,
        responses=_errors(500, 503),
    )
    app.state.service = service
    app.add_middleware(
        RequestMiddleware,
        version=manifest.version,
        settings=settings,
        load=service.load,
        observe=service.metrics.observe,
    )
    _handle_errors(app, settings)
    guarded: list[Any] = [Depends(_check_token(settings.token))] if settings.token else []
    token_errors = _errors(401) if settings.token else {}
    upload_errors = _errors(400, 413, 415, 422) | token_errors

    @app.post("/predict", dependencies=guarded, responses=upload_errors, tags=["images"])
    async def predict(
        request: Request,
        files: Annotated[list[UploadFile], File(description=f"One or several images: {READABLE_FORMATS}.")],
    ) -> Prediction:
        """Predict one or several images.

        Either all files are answered or none is: the error names each file that cannot be used.
        """
        record = record_of(request)
        record.files = len(files)
        predictions = await service.predict(files)
        results = [
            service.result(index, file.filename, prediction, record)
            for index, (file, prediction) in enumerate(zip(files, predictions, strict=True))
        ]
        return Prediction(model=identity, notice=manifest.notice, results=results, request_id=record.request_id)

    @app.post("/explain", dependencies=guarded, responses=upload_errors, tags=["images"])
    async def explain(
        request: Request,
        file: Annotated[UploadFile, File(description=f"An image: {READABLE_FORMATS}.")],
        method: Annotated[Method, Form(description=f"How it is explained; this model has {' and '.join(methods)}.")] = (
            methods[0]
        ),
    ) -> Explanation:
        """Predict one image, and show what moved the model's logit."""
        if method not in methods:
            raise ApiError(422, f"The field 'method' takes {' or '.join(methods)} with this model.", "unknown_method")
        record = record_of(request)
        record.files = 1
        explained = await service.explain(file, method)
        return Explanation(
            model=identity,
            notice=manifest.notice,
            result=service.result(0, file.filename, explained.prediction, record),
            image=explained.image,
            width=explained.width,
            height=explained.height,
            methods=methods,
            heat=explained.heat,
            request_id=record.request_id,
        )

    @app.get("/model", dependencies=guarded, responses=token_errors, tags=["model"])
    async def model() -> ModelInfo:
        """Return the model's input, decision, training data and limits of use."""
        return ModelInfo(
            manifest={key: value for key, value in asdict(manifest).items() if key != "ood"},
            rejects=service.decision_model.rejects,
            methods=methods,
            limits={name: getattr(settings, name) for name in LIMITS},
            notice=manifest.notice,
            caution=ONE_SOURCE,
        )

    @app.get("/health", tags=["operation"])
    async def health() -> Status:
        """Return whether the process is alive."""
        return Status(status="ok", model_version=manifest.version)

    @app.get("/ready", tags=["operation"])
    async def ready() -> Status:
        """Return whether images are answered: not while the service starts or stops."""
        if not service.ready:
            raise busy("The service is starting or stopping.", "not_ready")
        return Status(status="ready", model_version=manifest.version)

    @app.get(
        "/metrics", dependencies=guarded, responses=token_errors, response_class=PlainTextResponse, tags=["operation"]
    )
    async def metrics() -> Response:
        """Return metrics for Prometheus."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    mount_page(app)
    return app


def _handle_errors(app: FastAPI, settings: Settings) -> None:
    """Give all errors the shape of `ApiError`."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> Response:
        return error_response(record_of(request), error)

    @app.exception_handler(RequestValidationError)
    async def invalid_form(request: Request, error: RequestValidationError) -> Response:
        fields = ", ".join(repr(".".join(str(part) for part in fault["loc"][1:2])) for fault in error.errors())
        message = f"The form lacks or misuses {fields}: send multipart/form-data as /docs describes it."
        return error_response(record_of(request), ApiError(422, message, "invalid_form"))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        answer = ApiError(error.status_code, headers=error.headers)
        # Starlette's own limits of a form: 1,000 files, 1,000 text fields of 1 MB.
        if error.detail.startswith("Too many files"):
            answer = too_many_files(settings.files)
        elif error.detail.startswith(("Too many fields", "Part exceeded", "Field exceeded")):
            answer = ApiError(413, error.detail)
        return error_response(record_of(request), answer)


def _check_token(token: str) -> Any:  # noqa: ANN401 - a dependency for FastAPI
    scheme = HTTPBearer(auto_error=False, description="The token that the service was started with.")

    def check(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(scheme)]) -> None:
        if credentials is None or not is_token(credentials.credentials, token):
            raise unauthorized()

    return check


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "model": ErrorBody,
            "description": " ".join(ERRORS[status].values()),
            "content": {"application/json": {"example": _example(*next(iter(ERRORS[status].items())))}},
        }
        for status in statuses
    }


def _example(code: str, message: str) -> dict[str, Any]:
    error = {"code": code, "message": message, "files": []}
    return {"error": error, "model_version": VERSION, "request_id": ID}
