"""A study from config to results: the steps that are missing are done, stage by stage, the rest is reused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TextIO

from harness.config.data import HubSource, TrainingSource
from harness.config.references import check_bank
from harness.data.load import describe, source_files
from harness.errors import DISK_FULL, SKIPPED, RunStopped, errors_at
from harness.examples.records import Example
from harness.execution.processes import Executor, Listener, LocalProcesses, StepFailure
from harness.planning.comparisons import comparisons
from harness.planning.examples import data_place
from harness.planning.plan import Plan, TaskPlan, Until
from harness.planning.transfers import transfers
from harness.steps import examples
from harness.store.examples import count_examples, write_examples
from harness.store.run_folder import RunFolder
from harness.store.step import Step
from harness.store.steps import Store


class Progress(Protocol):
    """What the run tells a person while it works."""

    def stage(self, name: str, steps: Sequence[Step], reused: int) -> None: ...
    def event(self, step: Step, event: dict[str, Any]) -> None: ...


class Silent:
    """A `Progress` that tells nothing."""

    def stage(self, name: str, steps: Sequence[Step], reused: int) -> None:
        pass

    def event(self, step: Step, event: dict[str, Any]) -> None:
        pass


@dataclass
class Execution:
    """One execution of a plan. ``failures`` are by the key of the step, in order."""

    plan: Plan
    store: Store
    folder: RunFolder
    log: TextIO
    progress: Progress
    executor: Executor = field(default_factory=LocalProcesses)
    failures: dict[str, StepFailure] = field(default_factory=dict)
    comparisons: dict[str, dict[str, Step]] = field(default_factory=dict)
    """By task and characteristic, once they are planned: which there can be shows only when the rest is done."""
    transfers: list[Step] = field(default_factory=list)
    """Likewise."""

    def execute(self, until: Until = "results") -> None:
        """Do what is missing, up to and with the stage named. The examples are in the store."""
        models = {"checkpoints": self.plan.checkpoints}
        if until != "checkpoints":
            # Before the exporter is imported, which changes what it exports: deployments are held against them.
            models |= {"checkpoint outputs": self.plan.checkpoint_outputs, "artifacts": self.plan.artifacts}
        self._stages(models)
        if until == "checkpoints":
            return
        self._stage("verifications", self.plan.verifications)
        if until == "artifacts":
            return
        self._stages(
            {
                "measurements": self.plan.measurements,
                "attacks": self.plan.attacks,
                "explanations": self.plan.explanations,
            }
        )
        verified = list(map(self._verified, self.plan.tasks))
        self.transfers = [step for task in verified for step in transfers(task, self.store).values()]
        self._stage("transfers", self.transfers)
        planned: dict[str, dict[str, Step]] = {
            task.name: comparisons(task, self.plan.study, self.store) for task in verified
        }
        self._stage("comparisons", [step for steps in planned.values() for step in steps.values()])
        self.comparisons = planned

    @property
    def has_results(self) -> bool:
        """Whether any deployment said anything: otherwise there is nothing to report but the failures."""
        steps = [step for planned in self.plan.deployments for step in planned.outputs.values()]
        return any(step.key not in self.failures for step in steps)

    def _stage(self, name: str, steps: Sequence[Step]) -> None:
        self._stages({name: steps})

    def _stages(self, stages: Mapping[str, Sequence[Step]]) -> None:
        """Do what is missing of ``stages``, in order. A group that goes on in the next stage keeps its process.

        What is done at once is told as one stage.
        """
        if self.executor.concurrent:
            stages = {", ".join(stages): [step for steps in stages.values() for step in steps]}
        missing = {
            name: [step for step in steps if not self.store.has(step.kind, step.key) or self._unverified(step)]
            for name, steps in stages.items()
        }
        self.store.put_again(step for steps in stages.values() for step in steps)
        narrator = _Narrator(self.progress, self.failures, stages, missing)
        every_step = [step for steps in missing.values() for step in steps]
        for batch in self.executor.batches(every_step):
            self._batch(batch, narrator.event)
        narrator.end()

    def _batch(self, steps: Sequence[Step], listen: Listener) -> None:
        runnable = [step for step in steps if not self._skip(step)]
        if not runnable:
            return
        failures = self.executor.run(
            runnable,
            self.store,
            steps_folder=self.folder.path / "steps",
            log=self.log,
            timeout_seconds=self.plan.study.timeout_minutes * 60,
            listen=listen,
        )
        for failure in failures:
            if failure.status == DISK_FULL:
                raise RunStopped(f"{failure.reason}, and run again: finished steps are kept")
        for failure in failures:
            cause = self._cause(failure.step) if failure.status == SKIPPED else None
            self.failures[failure.step.key] = _skipped(failure.step, cause) if cause else failure

    def _skip(self, step: Step) -> bool:
        """Whether a step cannot be done because one that it needs failed in an earlier stage."""
        cause = self._cause(step)
        if cause is None:
            return False
        self.failures[step.key] = _skipped(step, cause)
        return True

    def _cause(self, step: Step) -> StepFailure | None:
        needed = next((self.failures[ref.key] for ref in step.inputs.refs if ref.key in self.failures), None)
        return needed or self._unverified(step)

    def _unverified(self, step: Step) -> StepFailure | None:
        """Why its deployment, or the reference beside it, did not pass: then nothing of it counts, however old."""
        return next((self.failures[key] for key in self._verifications.get(step.key, ()) if key in self.failures), None)

    @cached_property
    def _verifications(self) -> dict[str, tuple[str, ...]]:
        """The keys of the verifications that come before each step, by the step's key."""
        verification_keys: dict[str, tuple[str, ...]] = {}
        for task in self.plan.tasks:
            reference = task.deployments[0].verification.key
            for planned in task.deployments:
                own = planned.verification.key
                verification_keys |= dict.fromkeys((step.key for step in planned.verified_first), (own,))
                verification_keys |= dict.fromkeys((step.key for step in planned.paired), (own, reference))
        return verification_keys

    def _verified(self, task: TaskPlan) -> TaskPlan:
        """The task with the deployments that passed their verification."""
        passed = [planned for planned in task.deployments if planned.verification.key not in self.failures]
        return replace(task, deployments=tuple(passed))


class _Narrator:
    """A stage before the first of its steps, and at its end what was skipped in it without a word of any process."""

    def __init__(
        self,
        progress: Progress,
        failures: Mapping[str, StepFailure],
        stages: Mapping[str, Sequence[Step]],
        missing: Mapping[str, Sequence[Step]],
    ) -> None:
        self._progress, self._failures = progress, failures
        self._ahead = [(name, steps, len(stages[name]) - len(steps)) for name, steps in missing.items()]
        self._stages_after = {
            step.key: len(missing) - number for number, steps in enumerate(missing.values(), start=1) for step in steps
        }
        self._untold: dict[str, Step] = {}
        """Of the stage that was told of last."""

    def event(self, step: Step, event: dict[str, Any]) -> None:
        while len(self._ahead) > self._stages_after[step.key]:
            self._next_stage()
        self._untold.pop(step.key, None)
        self._progress.event(step, event)

    def end(self) -> None:
        while self._ahead:
            self._next_stage()
        self._tell_skipped()

    def _next_stage(self) -> None:
        self._tell_skipped()
        name, steps, reused = self._ahead.pop(0)
        self._progress.stage(name, steps, reused)
        self._untold = {step.key: step for step in steps}

    def _tell_skipped(self) -> None:
        for key, step in self._untold.items():
            self._progress.event(step, {"event": "failed", "status": SKIPPED, "reason": self._failures[key].reason})
        self._untold = {}


def _skipped(step: Step, cause: StepFailure) -> StepFailure:
    reason = cause.reason if cause.status == SKIPPED else f"could not {cause.step.title}: {cause.reason}"
    return StepFailure(step, SKIPPED, reason, cause.command)


def _takes_long(source: TrainingSource) -> bool:
    sources = source if isinstance(source, tuple) else (source,)
    if any(isinstance(one, HubSource) for one in sources):
        return True
    return sum(file.stat().st_size for file in source_files(source)) > TAKES_LONG


@dataclass(frozen=True)
class LoadedExamples:
    """Data sets that are read and checked but not yet in the store."""

    missing: list[tuple[Step, Sequence[Example]]]

    def write(self, store: Store) -> None:
        for step, read in self.missing:
            with store.making(step) as missing:
                if missing:
                    folder = store.begin(step)
                    write_examples(folder, read)
                    store.commit(step, folder)


TAKES_LONG = 32 << 20
"""Bytes of files that are read for seconds."""


def load_missing_examples(plan: Plan, store: Store, *, tell: Callable[[str], None] | None = None) -> LoadedExamples:
    """Read every data set that is not in the store yet. Writes nothing.

    ``tell`` hears a line before each that is large, or may be downloaded.

    Raises:
        UserError: a data set cannot be read, or holds something wrong.
    """
    missing: dict[str, tuple[Step, Sequence[Example]]] = {}
    for step in plan.examples:
        if step.key not in missing and not store.has(step.kind, step.key):
            assert isinstance(step.options, examples.Options)
            if tell is not None and _takes_long(step.options.source):
                about = f"{step.subject['role']} data of {step.subject['task']}"
                tell(f"reading {about}: {describe(step.options.source)} ...")
            with errors_at(data_place(step.subject["task"], step.subject["role"])):
                missing[step.key] = step, examples.load(step.options)
    for task in plan.tasks:
        if "train" not in task.examples:
            continue  # and nothing needs a bank
        step = task.examples["train"]
        stored = store.path(step.kind, step.key)
        count = len(missing[step.key][1]) if step.key in missing else count_examples(stored)
        check_bank(f"tasks.{task.name}", task.task, count)
    return LoadedExamples(list(missing.values()))
