"""Serve a checkpoint as the documentation of FastAPI shows it: a handler that decodes with Pillow and asks the model.

FastAPI runs such handlers in threads, 40 at most; uvicorn has its default settings, torch its default threads. With
`--threads 1`, a less known option, the threads do not all compute in as many threads as there are cores.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

from xray.runs.checkpoint import load_classifier, read_checkpoint


def make_app(path: Path) -> FastAPI:
    """The application for one checkpoint."""
    checkpoint = read_checkpoint(path)
    model = load_classifier(checkpoint).eval()
    side, class_names = checkpoint.config["data"]["image_size"], checkpoint.config["data"]["class_names"]
    app = FastAPI()

    @app.get("/ready")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/predict")
    def predict(files: UploadFile) -> dict[str, float | str]:
        image = Image.open(files.file).convert("L").resize((side, side), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(image))[None, None]
        with torch.inference_mode():
            probability = model.probability(model(pixels)).item()
        return {"probability": probability, "decision": class_names[probability >= model.threshold.item()]}

    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--threads", type=int, help="of one computation; torch's default if left out")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    uvicorn.run(make_app(options.checkpoint), port=options.port)


if __name__ == "__main__":
    main()
