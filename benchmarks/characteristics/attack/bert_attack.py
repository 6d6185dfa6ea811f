"""Attack a live deployment text by text, and replay adversarial texts on another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.characteristics.attack.probabilities import Predict, checked_probabilities
from benchmarks.characteristics.attack.results import (
    AttackResult,
    AttackSettings,
    Status,
    TransferResult,
)
from benchmarks.characteristics.attack.stop_words import stop_words

if TYPE_CHECKING:
    from benchmarks.characteristics.attack.textattack_parts import ProposeCandidates, Similarity


def attack(
    predict: Predict,
    examples: Sequence[tuple[str, str, int]],
    *,
    candidates: ProposeCandidates,
    similarity: Similarity | None = None,
    settings: AttackSettings | None = None,
    on_result: Callable[[AttackResult], None] | None = None,
) -> list[AttackResult]:
    """BERT-ATTACK (Li et al. 2020) on ``examples``: (id, text, label).

    ``predict(texts)`` gives float64 probabilities, (texts, labels); it is called with all texts of a step
    at once, from one to as many as a text has words. ``candidates(text, spans)`` gives the replacements of
    each word (`MaskedLanguageModel.candidates`), ``similarity(original, texts)`` cosines, or None for no
    such constraint. ``on_result`` is called as soon as a text is done: keep what it is given, and a later
    call with the remaining examples continues. Texts do not influence each other, and nothing is random.

    Raises `BenchmarkError` when ``predict`` gives no probabilities or lacks an example's label.
    """
    settings = settings or AttackSettings()
    search = _search(predict, similarity, settings)
    results = []
    for example in examples:
        result = _attack_one(search, example, candidates, similarity)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


def replay(predict: Predict, crafted: Sequence[AttackResult]) -> list[TransferResult]:
    """Show a deployment the adversarial texts that succeeded elsewhere, beside their originals."""
    succeeded = [result for result in crafted if result.status == "succeeded"]
    if not succeeded:
        return []
    before = checked_probabilities(predict, [result.original for result in succeeded]).argmax(axis=1)
    after = checked_probabilities(predict, [result.adversarial for result in succeeded]).argmax(axis=1)
    return [
        TransferResult(result.id, result.label, int(b), int(a))
        for result, b, a in zip(succeeded, before, after, strict=True)
    ]


def _search(predict: Predict, similarity: Similarity | None, settings: AttackSettings) -> Any:
    from benchmarks.characteristics.attack import textattack_parts as parts
    from benchmarks.characteristics.attack.textattack_offline import textattack

    pre_transformation = textattack.constraints.pre_transformation
    # TextAttack compares words as they are written.
    left_alone = {form for word in stop_words() for form in (word, word.capitalize(), word.upper())}
    return textattack.Attack(
        parts.UntargetedAndSimilar(predict, similarity, settings.similarity_at_least),
        [
            pre_transformation.RepeatModification(),
            pre_transformation.StopwordModification(stopwords=left_alone),
            parts.HasCandidates(),
            parts.ShareOfWordsPerturbed(max_percent=settings.words_changed_at_most),
        ],
        parts.SwapForCandidates(),
        # "the importance score I_wi = o_y(S) - o_y(S\wi)" (Li et al. 2020, section 3.1)
        textattack.search_methods.GreedyWordSwapWIR("unk"),
    )


def _attack_one(
    search: Any,
    example: tuple[str, str, int],
    candidates: ProposeCandidates,
    similarity: Similarity | None,
) -> AttackResult:
    from benchmarks.characteristics.attack import textattack_parts as parts
    from benchmarks.characteristics.attack.textattack_offline import textattack

    id_, text, label = example
    original = parts.Original(text, candidates)
    goal = search.goal_function
    outcome = search.attack(parts.SplitText(original, original.words), int(label))
    # TextAttack does so itself only for texts that it did not skip.
    search.clear_cache()

    states = textattack.goal_function_results.GoalFunctionResultStatus
    before, after = outcome.original_result, outcome.perturbed_result
    status: Status = "failed"
    if before.goal_status == states.SKIPPED:
        status = "skipped"
    elif after.goal_status == states.SUCCEEDED:
        status = "succeeded"
    succeeded = status == "succeeded"
    adversarial = after.attacked_text.text if succeeded else text
    measured = succeeded and similarity is not None
    return AttackResult(
        id=id_,
        status=status,
        original=text,
        adversarial=adversarial,
        label=int(label),
        prediction_before=int(before.output),
        prediction_after=int(after.output) if succeeded else int(before.output),
        words=len(original.words),
        words_changed=len(after.attacked_text.attack_attrs["modified_indices"]) if succeeded else 0,
        queries=int(goal.num_queries),
        similarity=after.attacked_text.attack_attrs["similarity_score"] if measured else None,
    )
