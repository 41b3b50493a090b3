# Training image: python -m xray with everything that is pinned. Mount data, logs and checkpoints:
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" --env HOME=/tmp \
#     --volume ./data:/app/data --volume ./logs:/app/logs --volume ./checkpoints:/app/checkpoints \
#     xray:train fit --config configs/cnn.yaml
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# What is pinned changes less often than the code: its layer is kept across most builds.
COPY requirements.txt ./
RUN python -m pip install --require-hashes --requirement requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY configs ./configs
RUN python -m pip install --no-deps --no-build-isolation . \
    && useradd --create-home xray \
    && mkdir data logs checkpoints \
    && chown xray data logs checkpoints

USER xray
ENTRYPOINT ["python", "-m", "xray"]
CMD ["--help"]
