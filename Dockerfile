# Two images: `serve`, which answers over HTTP without torch, and `train`, which can do everything.
#
#   docker build --target serve --tag xray:serve .
#   docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges --publish 127.0.0.1:8000:8000 \
#     --volume ./model.onnx:/models/model.onnx:ro xray:serve
#
# model.onnx is a file of `python -m xray export`; user 10001 must be able to read it. It is mounted read-only and the
# root file system may be read-only too: nothing is written. A token: --env XRAY_TOKEN. More limits: options of `serve`
# after /models/model.onnx.
#
#   docker build --target train --tag xray:train .
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" --env HOME=/tmp \
#     --volume ./data:/app/data --volume ./logs:/app/logs --volume ./checkpoints:/app/checkpoints \
#     xray:train fit --config configs/cnn.yaml

FROM python:3.11.14-slim-bookworm AS base
# Bytecode is compiled when packages are installed, and never later: the file system may be read-only. ONNX Runtime would
# otherwise send telemetry to Microsoft and store it in the home folder.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore ORT_DISABLE_TELEMETRY=1
WORKDIR /app
RUN useradd --no-log-init --uid 10001 --create-home xray


# This package alone, below installed/; setuptools, which builds it, stays in this stage.
FROM base AS package
COPY requirements.txt ./
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements.txt > setuptools.txt \
    && python -m pip install --require-hashes --requirement setuptools.txt
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m pip install --no-deps --no-build-isolation --prefix installed .


FROM base AS train
LABEL org.opencontainers.image.title="xray:train" \
      org.opencontainers.image.description="Pneumonia on chest X-rays: training, testing, reporting. For research and teaching; not a medical device." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# What is pinned changes less often than the code: its layer is kept across most builds.
COPY requirements.txt ./
RUN python -m pip install --require-hashes --requirement requirements.txt
COPY configs ./configs
RUN mkdir data logs checkpoints && chown xray data logs checkpoints
COPY --from=package /app/installed /usr/local
USER 10001
ENTRYPOINT ["python", "-m", "xray"]
CMD ["--help"]


# Last, so that a build without --target makes the small one.
FROM base AS serve
LABEL org.opencontainers.image.title="xray:serve" \
      org.opencontainers.image.description="Pneumonia on chest X-rays over HTTP, from an exported model. For research and teaching; not a medical device." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
COPY requirements-serve.txt ./
RUN python -m pip install --require-hashes --requirement requirements-serve.txt
COPY --from=package /app/installed /usr/local
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# Not through a shell, so that SIGTERM reaches the service. It ends within 20 s, as requests under way do: stop it with
# `docker stop -t 30`.
ENTRYPOINT ["python", "-m", "xray", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["/models/model.onnx"]
