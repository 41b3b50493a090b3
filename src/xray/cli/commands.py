"""All commands, with the summary that --help shows."""

TRAINER_COMMANDS = {
    "fit": "Train a model from a config, as a new run.",
    "validate": "Score a run's best checkpoint on its validation patients.",
    "test": "Score a run's best checkpoint on the test images, and write predictions and a report into the run.",
}
"""Commands of LightningCLI, see `xray.cli.trainer`."""

PLAIN_COMMANDS = {
    "calibrate": (
        "xray.cli.calibrate",
        "Fit scaling, threshold and OOD limits again, on validation images, without training.",
    ),
    "report": ("xray.report.command", "Write a run's report again from its predictions, without the model."),
    "compare": (
        "xray.compare.command",
        "Compare runs that were tested on the same images, with paired confidence intervals.",
    ),
    "audit": ("xray.audit.command", "Check a folder of images before training: leakage, duplicates, shortcuts."),
    "predict": (
        "xray.predictor.command",
        "Classify images or folders of images as NORMAL or PNEUMONIA with a trained model.",
    ),
    "explain": ("xray.explain.command", "Draw heat maps of what moved the model's logit."),
    "export": ("xray.export.command", "Export a trained model as one file, for ONNX Runtime or torch.export."),
    "serve": ("xray.serve.command", "Serve predictions and explanations over HTTP, with a web page."),
    "cache": ("xray.cli.cache", "Show or free the disk space of decoded images."),
    "synth": ("xray.sources.synth", "Draw a synthetic data set of chest phantoms, for demonstration."),
    "download": (
        "xray.sources.download",
        "Download the public PneumoniaMNIST images (CC BY 4.0) into folders.",
    ),
}
"""Commands that are typed functions: the module of each, and its summary."""
