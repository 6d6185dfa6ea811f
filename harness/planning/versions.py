"""What makes old results stale, beside their inputs: our own versions, and those of the libraries."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

# Raise a number when the same inputs come to give another result: old results are then made again.
VERSIONS = {
    "examples": 1,
    "checkpoint": 2,
    "training": 1,
    "masked_language_model": 1,
    "masked_language_model_artifact": 2,
    "sentence_encoder_artifact": 2,
    "artifact": 4,
    "checkpoint_outputs": 4,
    "verification": 3,
    "outputs": 3,
    "tuning_search": 2,
    "performance": 6,
    "tuned_throughput": 1,
    "candidates": 1,
    "attack": 4,
    "random_swaps": 3,
    "recipe": 2,
    "transfer": 4,
    "explanation": 2,
    "comparison": 8,
}

# The packages whose version a kind of step's result depends on.
LIBRARIES = {
    "examples": (),
    "checkpoint": ("torch", "transformers"),
    "training": ("torch", "transformers", "accelerate"),
    "masked_language_model": ("torch", "transformers", "accelerate"),
    "masked_language_model_artifact": ("torch", "transformers", "optimum", "optimum-onnx", "onnx"),
    "sentence_encoder_artifact": ("torch", "transformers", "optimum", "optimum-onnx", "onnx"),
    "artifact": (
        "torch",
        "transformers",
        "tokenizers",
        "optimum",
        "optimum-onnx",
        "onnx",
        "onnxruntime",
        "onnxruntime-gpu",
    ),
    "checkpoint_outputs": ("torch", "transformers", "tokenizers"),
    "verification": ("tokenizers",),
    "outputs": ("tokenizers",),
    "tuning_search": ("tokenizers",),
    "performance": ("tokenizers", "mlcommons-loadgen"),
    "tuned_throughput": ("tokenizers",),
    "candidates": ("tokenizers", "onnxruntime", "onnxruntime-gpu"),
    "attack": ("tokenizers", "onnxruntime", "onnxruntime-gpu"),
    "random_swaps": ("tokenizers", "numpy", "onnxruntime", "onnxruntime-gpu"),
    "recipe": ("tokenizers", "textattack", "nltk", "torch", "transformers"),
    "transfer": ("tokenizers",),
    "explanation": ("tokenizers", "lime", "shap"),
    "comparison": ("numpy", "scipy", "faiss-cpu"),
}


def installed(packages: tuple[str, ...]) -> dict[str, str]:
    """The version of each of the packages that is there."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
