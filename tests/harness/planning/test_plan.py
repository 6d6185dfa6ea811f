"""A study as steps: their order, what they share, and what can be compared when some of them failed."""

from __future__ import annotations

from pathlib import Path

import pytest

import configs
from harness.config.deployments import EXECUTION_REPLICATE
from harness.config.load import load_study
from harness.errors import UserError
from harness.planning.comparisons import comparisons
from harness.planning.plan import Plan, make_plan
from harness.planning.transfers import transfers
from harness.steps import (
    attack,
    candidates,
    compare_adversarial_attack,
    compare_explanation,
    masked_language_model,
    paired_speed_up,
    performance,
    training,
    transfer,
    tuned_throughput,
)
from harness.store.steps import Store
from tests.families.checkpoints import write_checkpoint

CONFIGS = Path(configs.__file__).parent
STUDY = """
study: planned
formats: [onnx-fp32, onnx-int8-static]
performance: {replicates: 3, tune: true}
tasks:
  question-answering: &task
    reference: small
    models:
      student: {checkpoint: {cut: small, layers: [0]}, training: {distillation: {hidden_states: 1}}}
      pruned: {checkpoint: {pruned: student, heads: 0.5}}
      small: {checkpoint: {embedded: small}, training: {}}
    recipe: {epochs: 1}
    data:
      train: {embedded: train, size: 80}
      evaluation: {embedded: evaluation, size: 60}
      out_of_distribution: {embedded: out-of-distribution, size: 60}
    characteristics:
      attack: &attack {masked_language_model: {checkpoint: {embedded: reviews}, training: {}}, deployments: ["small/*"]}
  text-classification:
    <<: *task
    labels: [negative, positive]
    characteristics: {attack: *attack, explanation: {}}
"""
REFERENCE = "small/onnx-fp32@onnxruntime-cpu"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "study.yaml").write_text(STUDY)
    return make_plan(load_study(tmp_path / "study.yaml"))


class FinishedBut(Store):
    """A store that has every step but one."""

    def __init__(self, missing: str = "") -> None:
        self.missing = missing

    def has(self, kind: str, key: str) -> bool:
        return key != self.missing


def stages(plan: Plan) -> dict[str, list[str]]:
    names = ("examples", "checkpoints", "checkpoint_outputs", "artifacts", "verifications")
    later = ("measurements", "attacks", "explanations")
    return {name: [step.key for step in getattr(plan, name)] for name in (*names, *later)}


def assert_in_order(plan: Plan) -> None:
    made: set[str] = set()
    for name in stages(plan):
        for step in getattr(plan, name):
            assert {ref.key for ref in step.inputs.refs} <= made, step.title
            assert step.key not in made, step.title
            made.add(step.key)


def test_whatever_a_step_needs_comes_before_it_and_no_step_comes_twice(plan: Plan) -> None:
    assert all(stages(plan).values())
    assert_in_order(plan)


def test_a_student_learns_from_the_layers_that_it_was_cut_from(plan: Plan) -> None:
    task = next(task for task in plan.tasks if task.name == "question-answering")
    by_model = {step.subject["model"]: step for step in task.checkpoints if isinstance(step.options, training.Options)}
    student = by_model["student"].options
    assert isinstance(student, training.Options) and student.distillation is not None
    assert (student.distillation.layers, student.distillation.pooling) == ((0,), None)
    inputs = by_model["student"].inputs
    assert isinstance(inputs, training.Inputs) and inputs.teacher == by_model["small"].ref


def refused(folder: Path, *replaced: tuple[str, str]) -> str | None:
    """The line that the plan of the study is refused with, with parts of it replaced."""
    text = STUDY
    for old, new in replaced:
        text = text.replace(old, new)
    (folder / "study.yaml").write_text(text)
    study = load_study(folder / "study.yaml", tasks=["text-classification"])
    try:
        make_plan(study)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("source", "count"), [("embedded: small", 2), ("random: distilbert", 6), ("folder: {}", 2)])
def test_a_layer_that_is_not_there_is_refused_before_anything_is_done(tmp_path: Path, source: str, count: int) -> None:
    if source == "folder: {}":
        write_checkpoint("distilbert", tmp_path / "whole")  # which calls its layers n_layers
        source = source.format(tmp_path / "whole")
    small = ("checkpoint: {embedded: small}", f"checkpoint: {{{source}}}")
    assert refused(tmp_path, small, ("layers: [0]", f"layers: [0, {count - 1}]")) is None
    assert refused(tmp_path, small, ("layers: [0]", f"layers: [0, {count}]")) == (
        "tasks.text-classification.models.student.checkpoint: cannot cut layer "
        f"{count} out of 'small': its layers are 0 to {count - 1}"
    )


def test_a_share_of_heads_that_is_none_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    small = ("checkpoint: {embedded: small}", "checkpoint: {random: distilbert}")
    assert refused(tmp_path, small, ("heads: 0.5", "heads: 0.0834")) is None
    assert refused(tmp_path, small, ("heads: 0.5", "heads: 0.08")) == (
        "tasks.text-classification.models.pruned.checkpoint: heads: 0.08 of the 12 heads of a layer of 'student' is "
        "none: raise it"
    )


def test_each_of_several_training_sources_counts(tmp_path: Path) -> None:
    def key(sources: str) -> str:
        study = STUDY.replace("train: {embedded: train, size: 80}", f"train: {sources}")
        (tmp_path / "study.yaml").write_text(study)
        planned = make_plan(load_study(tmp_path / "study.yaml"))
        return planned.tasks[0].examples["train"].key

    one, other = "{embedded: train, size: 80}", "{embedded: train, size: 40, seed: 1}"
    keys = [key(one), key(f"[{one}]"), key(f"[{one}, {other}]"), key(f"[{other}, {one}]")]
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    "name",
    [
        "quickstart",
        "quickstart-tasks",
        "paper/one-recipe",
        "paper/published",
        "quantized-vs-distilled",
        "bert-large-speed",
    ],
)
def test_the_order_of_the_studies_that_ship(name: str) -> None:
    assert_in_order(make_plan(load_study(CONFIGS / f"{name}.yaml")))


def test_two_tasks_share_what_is_the_same_for_both(plan: Plan) -> None:
    got = [step for step in plan.checkpoints if step.subject["model"] == "masked-language-model"]
    assert [step.kind for step in got] == ["checkpoint", "masked_language_model", "masked_language_model"]
    trained = [step.inputs for step in got[1:]]
    assert {inputs.starting for inputs in trained if isinstance(inputs, masked_language_model.Inputs)} == {got[0].ref}


def test_each_round_goes_over_all_deployments(plan: Plan) -> None:
    measured = [step.options for step in plan.measurements if isinstance(step.options, performance.Options)]
    rounds = [options.replicate for options in measured]
    assert rounds == sorted(rounds) and set(rounds) == {0, 1, 2}
    assert len(measured) == 3 * len(plan.deployments)


def test_each_candidate_is_timed_beside_the_reference_in_rounds(tmp_path: Path) -> None:
    study = STUDY.replace(
        "      pruned:", "      again: {checkpoint: {embedded: small}, replicate_of: small}\n      pruned:"
    )
    (tmp_path / "study.yaml").write_text(study)
    plan = make_plan(load_study(tmp_path / "study.yaml", overrides=["performance.paired_processes=2"]))
    for task in plan.tasks:
        reference, *others = task.deployments
        assert reference.deployment.name == REFERENCE and not reference.paired
        for planned in others:
            is_seed = planned.deployment.model == "again"
            inputs = [step.inputs for step in planned.paired]
            assert len(inputs) == (0 if is_seed else 2)
            assert bool(planned.performance) is not is_seed
            for own in inputs:
                assert isinstance(own, paired_speed_up.Inputs)
                assert (own.reference, own.artifact) == (reference.artifact.ref, planned.artifact.ref)
    timed = [step for step in plan.measurements if isinstance(step.options, paired_speed_up.Options)]
    assert timed == list(plan.measurements[-len(timed) :]) and len({step.group for step in timed}) == 1
    half = len(timed) // 2
    assert [step.subject for step in timed[:half]] == [step.subject for step in timed[half:]]
    for setting in ("performance.paired_processes=0", "performance.scenarios=[offline]"):
        without = make_plan(load_study(tmp_path / "study.yaml", overrides=[setting]))
        assert not any(planned.paired for planned in without.deployments)


@pytest.mark.parametrize(
    ("settings", "tuned"),
    [
        (["performance.tune=true"], True),
        ([], False),
        (["performance={}"], True),
        (["performance={scenarios: [single-stream]}"], False),
    ],
)
def test_a_tuned_setting_is_measured_beside_the_deployment(settings: list[str], tuned: bool) -> None:
    plan = make_plan(load_study(CONFIGS / "quickstart.yaml", settings))
    for planned in plan.deployments:
        is_seed = planned.deployment.model.startswith("reference-seed")
        assert (planned.tuning is not None) == bool(planned.tuned) == (tuned and not is_seed)
        for step, untuned in zip(planned.tuned, planned.performance, strict=False):
            assert planned.tuning is not None and isinstance(step.inputs, tuned_throughput.Inputs)
            assert step.inputs.tuning == planned.tuning.ref
            assert planned.tuning.ref not in untuned.inputs.refs  # a tuning that fails costs itself alone
            assert step.group == untuned.group and step in planned.verified_first


def test_a_study_that_is_tuned_reuses_what_was_measured_before() -> None:
    with_it, without = (
        make_plan(load_study(CONFIGS / "quickstart.yaml", [f"performance.tune={tune}"])) for tune in ("true", "false")
    )
    assert [planned.performance for planned in with_it.deployments] == [
        planned.performance for planned in without.deployments
    ]


def test_a_finished_run_compares_every_characteristic(plan: Plan) -> None:
    answering, classification = (comparisons(task, plan.study, FinishedBut()) for task in plan.tasks)
    assert classification.keys() - answering.keys() == {"explanation"}
    assert "adversarial_attack" in answering and "data_distribution" in answering


def test_a_sentence_encoder_takes_the_place_of_the_masked_language_model_in_similarity(
    plan: Plan, tmp_path: Path
) -> None:
    path = tmp_path / "study.yaml"
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_text('{"model_type": "bert"}')
    encoder = f"sentence_encoder: {{checkpoint: {{folder: {tmp_path}}}}}, masked_language_model:"
    path.write_text(STUDY.replace("masked_language_model:", encoder))
    named = make_plan(load_study(path))
    [artifact] = [step for step in named.artifacts if step.kind == "sentence_encoder_artifact"]
    assert {ref.key for ref in artifact.inputs.refs} < {step.key for step in named.checkpoints}
    assert named.tasks[0].candidates == plan.tasks[0].candidates  # the words come from where they came from
    for with_it, without in zip(named.deployments, plan.deployments, strict=True):
        assert with_it.outputs == without.outputs
        for step in (*with_it.attacks, *with_it.random_swaps):
            assert isinstance(step.inputs, attack.Inputs)
            assert step.inputs.sentence_encoder == artifact.ref and step.inputs.masked_language_model is None
        for step in (*without.attacks, *without.random_swaps):
            assert isinstance(step.inputs, attack.Inputs)
            assert step.inputs.sentence_encoder is None and step.inputs.masked_language_model is not None


def test_stop_words_are_part_of_what_an_attack_depends_on(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    place = "tasks.text-classification.characteristics.attack.stop_words"
    steps = {}
    for text in ("der die das", "Das DIE der der", "der"):
        words.write_text(text, encoding="utf-8")
        plan = make_plan(load_study(CONFIGS / "quickstart.yaml", [f"{place}={words}"]))
        chosen = [step for step in plan.attacks if step.kind in ("candidates", "attack", "random_swaps")]
        assert len({step.kind for step in chosen}) == 3
        for step in chosen:
            assert isinstance(step.options, candidates.Options | attack.Options)
            assert step.options.settings.stop_words == set(text.lower().split())
        steps[text] = [step.key for step in chosen]
    same, again, other = steps.values()
    assert same == again and not set(same) & set(other)


def test_an_attack_that_failed_is_neither_replayed_nor_compared(plan: Plan) -> None:
    task = plan.tasks[1]
    first, second = (planned.attacks[0] for planned in task.deployments if planned.attacks)
    store = FinishedBut(first.key)
    for step in transfers(task, store).values():
        keys = {ref.key for ref in step.inputs.refs}
        assert second.key in keys and first.key not in keys
    compared = comparisons(task, plan.study, store)["adversarial_attack"]
    assert isinstance(compared.options, compare_adversarial_attack.Options)
    assert compared.options.deployments == (second.subject["deployment"],)


@pytest.mark.parametrize(
    ("settings", "on_onnxruntime", "elsewhere"),
    [
        ([], 512, 4096),
        (["tasks.text-classification.characteristics.attack.token_budget=64"], 64, 64),
    ],
)
def test_the_token_budget_of_an_attack_suits_the_backend(
    tmp_path: Path, settings: list[str], on_onnxruntime: int, elsewhere: int
) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    more = ["backends=[onnxruntime-cpu, openvino-cpu]", "token_budget=4096", *settings]
    plan = make_plan(load_study(tmp_path / "study.yaml", more))
    task = plan.tasks[1]
    shown = transfers(task, FinishedBut())
    backends = set()
    for planned in task.deployments:
        backends.add(planned.deployment.backend)
        expected = on_onnxruntime if planned.deployment.backend == "onnxruntime-cpu" else elsewhere
        for step in [*planned.attacks, *planned.random_swaps, shown[planned.deployment.name]]:
            assert isinstance(step.options, attack.Options | transfer.Options)
            assert step.options.deployment.token_budget == expected
    assert backends == {"onnxruntime-cpu", "openvino-cpu"}


def test_the_token_budget_suits_the_device_unless_the_study_sets_one(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    for settings, expected in (([], {"cpu": 1024, "cuda": 16384}), (["token_budget=64"], {"cpu": 64, "cuda": 64})):
        more = ["backends=[onnxruntime-cpu, onnxruntime-cuda, torch-cpu]", *settings]
        plan = make_plan(load_study(tmp_path / "study.yaml", more))
        found = {(p.deployment.backend, p.deployed.options.token_budget) for p in plan.deployments}
        assert found == {(name, expected["cuda" if "cuda" in name else "cpu"]) for name, _ in found}
        assert {name for name, _ in found} >= {"onnxruntime-cpu", "onnxruntime-cuda"}


def test_a_second_explanation_is_no_floor_without_the_first(plan: Plan) -> None:
    task = plan.tasks[1]
    first, second = task.deployments[0].explanations
    for missing, without in (
        (first, {REFERENCE, REFERENCE + EXECUTION_REPLICATE}),
        (second, {second.subject["deployment"]}),
    ):
        options = comparisons(task, plan.study, FinishedBut(missing.key))["explanation"].options
        assert isinstance(options, compare_explanation.Options)
        assert options.deployments and not without & set(options.deployments)


def test_nothing_is_compared_where_nothing_was_said(plan: Plan) -> None:
    class Empty(Store):
        def has(self, kind: str, key: str) -> bool:
            return False

    assert comparisons(plan.tasks[0], plan.study, Empty(Path("nowhere"))) == {}
    assert transfers(plan.tasks[0], Empty(Path("nowhere"))) == {}


REFUSED = """
study: refused
formats: [onnx-fp32, onnx-fused]
performance: null
tasks:
  text-classification:
    reference: positions
    labels: [negative, positive]
    models: {{positions: {{checkpoint: {{folder: {folder}}}}}, small: {{checkpoint: {{embedded: small}}}}}}
    data: {{evaluation: {{embedded: evaluation, size: 60}}}}
"""


def test_a_format_that_is_not_made_of_an_architecture_is_left_out(tmp_path: Path) -> None:
    write_checkpoint("mpnet", tmp_path)
    (tmp_path / "study.yaml").write_text(REFUSED.format(folder=tmp_path))
    (task,) = make_plan(load_study(tmp_path / "study.yaml")).tasks
    assert "relative positions" in task.refused["positions", "onnx-fused"]
    assert [planned.deployment.name for planned in task.deployments] == [
        "positions/onnx-fp32@onnxruntime-cpu",
        "small/onnx-fp32@onnxruntime-cpu",
        "small/onnx-fused@onnxruntime-cpu",
    ]
    named = load_study(tmp_path / "study.yaml", ["tasks.text-classification.models.positions.formats=[onnx-fused]"])
    with pytest.raises(UserError, match=r"models.positions.formats: onnx-fused is not made of positions, a mpnet: "):
        make_plan(named)


def test_a_seed_keys_no_files_that_it_does_not_change(tmp_path: Path) -> None:
    """Nothing of the quickstart's models is drawn; its static INT8 alone is calibrated on examples that are."""
    plans = [make_plan(load_study(CONFIGS / "quickstart.yaml", [f"seed={seed}"])) for seed in (0, 1)]
    for stage in ("checkpoints", "artifacts"):
        first, second = ({step.key: step for step in getattr(plan, stage)} for plan in plans)
        changed = {step.subject.get("format") for key, step in first.items() if key not in second}
        assert changed == ({"onnx-int8-static"} if stage == "artifacts" else set())


def test_a_seed_keys_what_is_drawn_from_it(tmp_path: Path) -> None:
    plans = [make_plan(load_study(CONFIGS / "bert-large-speed.yaml", [f"seed={seed}"])) for seed in (0, 1)]
    first, second = ({step.key for step in plan.checkpoints} for plan in plans)
    assert first and not first & second


RETRIEVAL = """
study: searched
formats: [onnx-fp32, onnx-int8-dynamic]
performance: {paired_processes: 2}
tasks:
  retrieval:
    reference: one
    models: {one: {checkpoint: {folder: one}}, other: {checkpoint: {folder: other}}}
    data:
      corpus: {corpus: corpus.jsonl}
      evaluation: {queries: queries.jsonl, qrels: qrels.tsv}
    characteristics:
      attack: {masked_language_model: {checkpoint: {embedded: reviews}}}
"""


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("corpus", "queries"):
        (tmp_path / f"{name}.jsonl").write_text('{"_id": "a", "text": "some words"}\n')
    (tmp_path / "qrels.tsv").write_text("query\tdocument\tscore\na\ta\t1\n")
    for name, family in (("one", "bert"), ("other", "distilbert")):
        write_checkpoint(family, tmp_path / name)
    (tmp_path / "study.yaml").write_text(RETRIEVAL)
    return tmp_path / "study.yaml"


def test_searches_are_timed_once_a_model_and_come_last(searched: Path) -> None:
    plan = make_plan(load_study(searched))
    assert_in_order(plan)
    (task,) = plan.tasks
    assert [len(planned.searches) for planned in task.deployments] == [2, 0, 2, 0]
    timed = [step for planned in task.deployments for step in planned.searches]
    assert {step.key for step in plan.measurements[-4:]} == {step.key for step in timed}
    assert len({step.group for step in timed}) == 4  # a fresh process each
    without_pairs = ("performance.paired_processes=0", "performance={scenarios: [offline]}", "performance=null")
    for setting in (*without_pairs, "tasks.retrieval.characteristics.indexes=[]"):
        without = make_plan(load_study(searched, overrides=[setting]))
        assert not any(planned.searches for planned in without.deployments)


def test_embeddings_are_not_quantized_where_no_index_is_named(searched: Path) -> None:
    for setting, compared in (("[int8]", True), ("[]", False)):
        plan = make_plan(load_study(searched, overrides=[f"tasks.retrieval.characteristics.indexes={setting}"]))
        (task,) = plan.tasks
        assert ("embedding_quantization" in comparisons(task, plan.study, FinishedBut())) is compared


def test_attacks_on_queries_and_their_transfer_have_the_deployment_s_own_index(searched: Path) -> None:
    plan = make_plan(load_study(searched))
    (task,) = plan.tasks
    replayed = transfers(task, FinishedBut())
    for planned in task.deployments:
        steps = [*planned.attacks, *planned.random_swaps, replayed[planned.deployment.name]]
        assert len(steps) == 3
        assert all(planned.outputs["corpus"].ref in step.inputs.refs for step in steps)
