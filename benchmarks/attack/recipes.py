"""TextAttack's own recipes on a live deployment, without a network: what each needs, whether it is there, and the run.

A recipe is the method as TextAttack 0.3.11 has it, quirks and all, one text at a time; `bert_attack` is the fast one.
Two things differ: where a recipe leaves stop words to NLTK's list, it gets ours (`stop_words`), which needs no
download; and chance (a random letter, the order of a set) is drawn anew for every text from a seed, so that results do
not depend on what was attacked before.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from zipfile import BadZipFile

import numpy as np

from benchmarks.attack.probabilities import Predict
from benchmarks.attack.results import AttackResult, Status
from benchmarks.attack.words import stop_words
from benchmarks.errors import BenchmarkError

SENTENCE_ENCODER = "https://tfhub.dev/google/universal-sentence-encoder/3"
MASKED_LANGUAGE_MODEL = "bert-base-uncased"
WORD_VECTORS = "word_embeddings/paragramcf"


@dataclass(frozen=True)
class Resource:
    """Something that a recipe reads from this machine, and how to get it here."""

    what: str
    is_here: Callable[[], bool]
    get: str


@dataclass(frozen=True)
class AttackRecipe:
    """``class_name`` is TextAttack's; it tells the paper."""

    class_name: str
    needs: tuple[Resource, ...] = ()


def _nltk_has(*names: str) -> bool:
    import nltk

    try:
        for name in names:
            nltk.data.find(name)
    except (LookupError, BadZipFile, OSError):
        return False
    return True


def _textattack_cache() -> Path:
    return Path(os.environ.get("TA_CACHE_DIR") or Path.home() / ".cache" / "textattack")


def _has_sentence_encoder() -> bool:
    folder = Path(os.environ.get("TFHUB_CACHE_DIR") or Path(tempfile.gettempdir()) / "tfhub_modules")
    saved = folder / hashlib.sha1(SENTENCE_ENCODER.encode()).hexdigest() / "saved_model.pb"
    return find_spec("tensorflow_hub") is not None and saved.is_file()


def _has_masked_language_model() -> bool:
    from huggingface_hub import try_to_load_from_cache

    files = [try_to_load_from_cache(MASKED_LANGUAGE_MODEL, name) for name in ("config.json", "vocab.txt")]
    weights = [
        try_to_load_from_cache(MASKED_LANGUAGE_MODEL, name) for name in ("model.safetensors", "pytorch_model.bin")
    ]
    return all(isinstance(path, str) for path in files) and any(isinstance(path, str) for path in weights)


TEXTATTACK = Resource(
    "TextAttack",
    lambda: find_spec("textattack") is not None,
    "run: pip install 'scalemodel[textattack]' (below transformers 5); BERT-ATTACK needs no recipe",
)
WORDNET = Resource("NLTK's WordNet", lambda: _nltk_has("corpora/wordnet/"), "run: python -m nltk.downloader wordnet")
TAGGER = Resource(
    "NLTK's part-of-speech tagger",
    lambda: _nltk_has("taggers/averaged_perceptron_tagger_eng/", "taggers/universal_tagset/en-ptb.map"),
    "run: python -m nltk.downloader averaged_perceptron_tagger_eng universal_tagset",
)
VECTORS = Resource(
    "the counter-fitted word vectors",
    lambda: (_textattack_cache() / WORD_VECTORS / "paragram.npy").is_file(),
    f"unpack https://textattack.s3.amazonaws.com/{WORD_VECTORS} into word_embeddings/ in ~/.cache/textattack "
    "(or in TA_CACHE_DIR)",
)
ENCODER = Resource(
    "the Universal Sentence Encoder",
    _has_sentence_encoder,
    "pip install tensorflow tensorflow-hub, set TFHUB_CACHE_DIR to a folder that stays, and run: "
    f"python -c 'import tensorflow_hub; tensorflow_hub.load(\"{SENTENCE_ENCODER}\")'",
)
MASKED = Resource(
    f"the checkpoint {MASKED_LANGUAGE_MODEL}",
    _has_masked_language_model,
    f"run: hf download {MASKED_LANGUAGE_MODEL}",
)

RECIPES: dict[str, AttackRecipe] = {
    "bae": AttackRecipe("BAEGarg2019", (MASKED, TAGGER, ENCODER)),
    "bert-attack": AttackRecipe("BERTAttackLi2020", (MASKED, ENCODER)),
    "deepwordbug": AttackRecipe("DeepWordBugGao2018"),
    "pruthi": AttackRecipe("Pruthi2019"),
    "pwws": AttackRecipe("PWWSRen2019", (WORDNET,)),
    "textbugger": AttackRecipe("TextBuggerLi2018", (VECTORS, ENCODER)),
    "textfooler": AttackRecipe("TextFoolerJin2019", (VECTORS, TAGGER, ENCODER)),
}


def missing_resources(recipe: str) -> list[Resource]:
    """What ``recipe`` needs and this machine lacks. Looks at files only: imports no TextAttack, asks no network."""
    if not TEXTATTACK.is_here():  # whose libraries would be asked for the others
        return [TEXTATTACK]
    return [resource for resource in RECIPES[recipe].needs if not resource.is_here()]


def attack_by_recipe(
    recipe: str,
    predict: Predict,
    examples: Sequence[tuple[str, str, int]],
    *,
    seed: int,
    on_result: Callable[[AttackResult], None] | None = None,
) -> list[AttackResult]:
    """TextAttack's ``recipe`` (a key of `RECIPES`) on ``examples``: (id, text, label), one after the other.

    ``predict(texts)`` gives probabilities, (texts, labels). ``on_result`` is called as soon as a text is done. An
    example's result depends on the example, the deployment and ``seed`` alone. ``queries`` are TextAttack's count;
    ``similarity`` is None, since recipes measure it each in their own way.

    Raises `BenchmarkError` where something that the recipe needs is not on this machine.
    """
    if missing := missing_resources(recipe):
        raise BenchmarkError(
            f"the recipe {recipe!r} needs {missing[0].what}, not found on this machine; {missing[0].get}"
        )
    results = []
    with _offline():
        search = _build(recipe, predict)
        for id_, text, label in examples:
            _draw_from(seed, id_)
            result = _attack_one(search, id_, text, label)
            results.append(result)
            if on_result is not None:
                on_result(result)
    return results


def _build(recipe: str, predict: Predict) -> Any:
    from benchmarks.attack.textattack_offline import ProbabilityWrapper, textattack

    search = getattr(textattack.attack_recipes, RECIPES[recipe].class_name).build(ProbabilityWrapper(predict))
    # All texts of a step in one call: batching them well is the business of ``predict``.
    search.goal_function.batch_size = 2**31
    for transformation in getattr(search.transformation, "transformations", [search.transformation]):
        if isinstance(transformation, textattack.transformations.WordSwapWordNet):
            _in_order(transformation)
    return search


def _in_order(transformation: Any) -> None:
    """WordNet's synonyms come as a set, whose order changes from process to process."""
    synonyms = transformation._get_replacement_words
    transformation._get_replacement_words = lambda word, **more: sorted(synonyms(word, **more))


def _draw_from(seed: int, id_: str) -> None:
    digest = hashlib.sha256(f"{seed} {id_}".encode("utf-8", "surrogatepass")).digest()
    random.seed(digest)
    np.random.seed(int.from_bytes(digest[:4], "big"))


def _attack_one(search: Any, id_: str, text: str, label: int) -> AttackResult:
    from benchmarks.attack.textattack_offline import textattack

    original = textattack.shared.AttackedText(text)
    outcome = search.attack(original, int(label))
    search.clear_cache()
    states = textattack.goal_function_results.GoalFunctionResultStatus
    before, after = outcome.original_result, outcome.perturbed_result
    status: Status = "failed"
    if before.goal_status == states.SKIPPED:
        status = "skipped"
    elif after.goal_status == states.SUCCEEDED:
        status = "succeeded"
    succeeded = status == "succeeded"
    return AttackResult(
        id=id_,
        status=status,
        original=text,
        adversarial=after.attacked_text.text if succeeded else text,
        label=int(label),
        prediction_before=int(before.output),
        prediction_after=int(after.output) if succeeded else int(before.output),
        words=len(original.words),
        words_changed=len(after.attacked_text.attack_attrs["modified_indices"]) if succeeded else 0,
        queries=int(search.goal_function.num_queries),
        similarity=None,
    )


@contextmanager
def _offline() -> Iterator[None]:
    """Our stop words in NLTK's place, the user's own TextAttack cache, and nobody asks a network."""
    import huggingface_hub.constants
    import nltk
    import transformers.utils.hub

    from benchmarks.attack.textattack_offline import textattack

    ours = SimpleNamespace(words=lambda _: sorted(stop_words()))
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(nltk.corpus, "stopwords", ours))
        # It cuts texts at this mark, and a text may hold it.
        mark = "\ue000<SPLIT>\ue001"
        stack.enter_context(mock.patch.object(textattack.shared.AttackedText, "SPLIT_TOKEN", mark))
        # WordSwapWordNet asks for a download of what it does not read for English.
        stack.enter_context(mock.patch.object(nltk, "download", lambda *_, **__: True))
        stack.enter_context(mock.patch.object(huggingface_hub.constants, "HF_HUB_OFFLINE", True))
        stack.enter_context(mock.patch.object(transformers.utils.hub, "_is_offline_mode", True))
        install = textattack.shared.utils.install
        stack.enter_context(mock.patch.object(install, "TEXTATTACK_CACHE_DIR", str(_textattack_cache())))
        yield
