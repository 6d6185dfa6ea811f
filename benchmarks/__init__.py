"""Outputs or a live deployment -> results: the characteristics, as functions of plain arrays."""

import os

TYPE_CHECKING = False  # as in typing, which would have to be imported
if TYPE_CHECKING:
    from benchmarks.attack.bert_attack import attack as bert_attack
    from benchmarks.characteristics.adversarial_attack import summarise as compare_adversarial_attack
    from benchmarks.characteristics.calibration import compare as compare_calibration
    from benchmarks.characteristics.data_distribution import compare as compare_data_distribution
    from benchmarks.characteristics.data_representation import compare as compare_data_representation
    from benchmarks.characteristics.embedding_quantization import compare as compare_embedding_quantization
    from benchmarks.characteristics.entities import compare as compare_entities
    from benchmarks.characteristics.exemplars import find as find_exemplars
    from benchmarks.characteristics.explanation import compare as compare_explanation
    from benchmarks.characteristics.explanation import explain as explain
    from benchmarks.characteristics.label_sets import compare as compare_label_sets
    from benchmarks.characteristics.pair_scores import compare as compare_pair_scores
    from benchmarks.characteristics.prediction_errors import compare as compare_prediction_errors
    from benchmarks.characteristics.reranking import compare as compare_reranking
    from benchmarks.characteristics.retrieval import compare as compare_retrieval
    from benchmarks.characteristics.slices import search as search_slices
    from benchmarks.errors import BenchmarkError as BenchmarkError

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it when it is imported, and sends otherwise

__all__ = [
    "BenchmarkError",
    "bert_attack",
    "compare_adversarial_attack",
    "compare_calibration",
    "compare_data_distribution",
    "compare_data_representation",
    "compare_embedding_quantization",
    "compare_entities",
    "compare_explanation",
    "compare_label_sets",
    "compare_pair_scores",
    "compare_prediction_errors",
    "compare_reranking",
    "compare_retrieval",
    "explain",
    "find_exemplars",
    "search_slices",
]

_PLACES = {
    "BenchmarkError": "errors:BenchmarkError",
    "compare_prediction_errors": "characteristics.prediction_errors:compare",
    "compare_data_representation": "characteristics.data_representation:compare",
    "compare_data_distribution": "characteristics.data_distribution:compare",
    "compare_adversarial_attack": "characteristics.adversarial_attack:summarise",
    "compare_calibration": "characteristics.calibration:compare",
    "compare_explanation": "characteristics.explanation:compare",
    "compare_embedding_quantization": "characteristics.embedding_quantization:compare",
    "compare_entities": "characteristics.entities:compare",
    "compare_label_sets": "characteristics.label_sets:compare",
    "compare_pair_scores": "characteristics.pair_scores:compare",
    "compare_reranking": "characteristics.reranking:compare",
    "compare_retrieval": "characteristics.retrieval:compare",
    "find_exemplars": "characteristics.exemplars:find",
    "search_slices": "characteristics.slices:search",
    "bert_attack": "attack.bert_attack:attack",
    "explain": "characteristics.explanation:explain",
}
"""Modules are imported when something of them is asked for: none of them is light."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pkgutil import resolve_name

    return resolve_name(f"{__name__}.{_PLACES[name]}")
