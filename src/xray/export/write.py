"""Write an exported classifier as ONNX or torch.export file."""

import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.export import Dim, ExportedProgram

from xray import NOTICE, __version__
from xray.export.network import ExportedClassifier
from xray.predictor.manifest import MANIFEST_KEY, Manifest
from xray.predictor.onnx_file import GRAD_CAM, IMAGES, LOGIT
from xray.runs.model_file import PROGRAM_MANIFEST

if TYPE_CHECKING:
    import onnx

PROBABILITY = "probability"
"""Name of the graph's second output."""
MAX_SIDE = 2**15
"""Longest side of an image, in pixels."""
MAX_BATCH = 2**15

# They log internals that are of no use to users.
for name in ("torch.export", "torch.onnx"):
    logging.getLogger(name).setLevel(logging.ERROR)


def trace(network: ExportedClassifier) -> ExportedProgram:
    """Trace the network's graph for any number of images of any size."""
    example = torch.zeros(2, 1, network.size + 7, network.size + 5, dtype=torch.uint8)
    dynamic = {
        0: Dim("images", min=1, max=MAX_BATCH),
        2: Dim("height", min=2, max=MAX_SIDE),
        3: Dim("width", min=2, max=MAX_SIDE),
    }
    with torch.no_grad():
        program = torch.export.export(network.eval(), (example,), dynamic_shapes=(dynamic,))
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)  # contains paths of this machine
    return program


def write_program(path: Path, program: ExportedProgram, manifest: Manifest) -> None:
    """Write a torch.export file, which runs without xray: `torch.export.load(path).module()(images)`."""
    # Via memory: torch aborts the process if the disk is full.
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={PROGRAM_MANIFEST: manifest.to_json()})
    path.write_bytes(content.getbuffer())


def write_onnx(path: Path, program: ExportedProgram, manifest: Manifest) -> None:
    """Write an ONNX file."""
    import onnx

    outputs = [LOGIT, PROBABILITY, *([GRAD_CAM] if manifest.has_grad_cam else [])]
    with warnings.catch_warnings():
        # The exporter warns about its internals.
        warnings.simplefilter("ignore")
        exported = torch.onnx.export(
            program, dynamo=True, external_data=False, verbose=False, input_names=[IMAGES], output_names=outputs
        )
    assert exported is not None, "it is None only without dynamo"
    model = exported.model_proto
    for node in _nodes(model.graph):
        del node.metadata_props[:]  # debugging notes of the exporter
    write_metadata(model, manifest)
    onnx.save(model, path)


def _nodes(graph: "onnx.GraphProto") -> Iterator["onnx.NodeProto"]:
    """Yield all nodes, including those in branches."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)


def write_metadata(model: "onnx.ModelProto", manifest: Manifest) -> None:
    """Write the manifest and a description for other programs into a model."""
    negative, positive = manifest.class_names
    del model.metadata_props[:]
    model.metadata_props.add(key=MANIFEST_KEY, value=manifest.to_json())
    model.producer_name, model.producer_version = "xray", __version__
    model.doc_string = (
        f"{manifest.model} {manifest.version}: {negative} or {positive} on frontal chest X-rays. Input: grey bytes, "
        f"shape (images, 1, height, width), 0 black to 255 white, any size. Outputs: logit of {positive}; its "
        f"probability, {positive} from {manifest.threshold:.6g} upwards. License: {manifest.license}. "
        f"{NOTICE}"
    )
