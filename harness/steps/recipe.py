"""Attack one live deployment by a recipe of TextAttack's, one text after the other.

Every finished text is kept at once: a run that is stopped in the middle of a data set goes on there.
"""

from __future__ import annotations

from dataclasses import asdict

from benchmarks.attack.recipes import attack_by_recipe
from benchmarks.attack.results import AttackResult
from harness.config.characteristics import RecipeName
from harness.inference.remote_deployment import Predict, remote_deployment
from harness.steps.attack import write_attack
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, deployment_options
from harness.steps.model_wrapper import AttackedOptions, attacked_examples
from harness.store.json_lines import append_line, read_lines
from harness.store.step import StepRef

VERSION = 3
LIBRARIES = ("tokenizers", "textattack", "nltk", "torch", "transformers")


class Options(DeployedOptions, AttackedOptions):
    recipe: RecipeName


class Inputs(DeployedInputs):
    examples: StepRef


def run(context: Context[Options, Inputs]) -> None:
    """Write what `harness.steps.attack.read_attack` reads."""
    artifact = context.folder(context.inputs.artifact)
    with remote_deployment(artifact, deployment_options(context)) as predict:
        results = _attack(context, predict)
    write_attack(context.destination, map(asdict, results))


def _attack(context: Context[Options, Inputs], predict: Predict) -> list[AttackResult]:
    examples = attacked_examples(context.folder(context.inputs.examples), context.options)
    journal = context.work() / "attacked.jsonl"
    done = {result.id: result for result in map(AttackResult.from_json, read_lines(journal))}
    report = context.text_progress(len(done), len(examples))

    def keep(result: AttackResult) -> None:
        done[result.id] = result
        append_line(journal, asdict(result))
        report(len(done))

    attack_by_recipe(
        context.options.recipe,
        predict,
        [(example.id, example.text, example.label) for example in examples if example.id not in done],
        seed=context.options.seed,
        on_result=keep,
    )
    return [done[example.id] for example in examples]
