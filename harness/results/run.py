"""Run a study: check it, do what is missing of it, and collect its results."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from harness.config.study import Study
from harness.errors import RunStopped, status_of
from harness.execution.preflight import check_checkpoints, check_hub
from harness.execution.processes import Executor, LocalProcesses
from harness.execution.run import Execution, LoadedExamples, Progress, Silent, load_missing_examples
from harness.planning.context import Machine
from harness.planning.plan import Plan, Until, make_plan
from harness.results.collect import collect, plan_as_json
from harness.store.atomic import require_writable
from harness.store.run_folder import PLAN, RunFolder
from harness.store.steps import Store


def run(
    study: Study,
    store: Path,
    *,
    output: Path | None = None,
    until: Until = "results",
    progress: AbstractContextManager[Progress] | None = None,
    tell: Callable[[str], None] | None = None,
    look_at: Callable[[Plan, LoadedExamples], None] | None = None,
    executor: Executor | None = None,
) -> Execution:
    """Do what ``store`` does not hold of the study; the results are in ``folder.path`` of what is returned.

    Steps that fail do not stop it: see ``failures`` there. Stopped, it goes on where it was when it is called again.
    ``output`` is the run's folder, None: one in the store. ``progress`` and ``tell`` hear what is being done, and
    ``look_at`` sees the plan before anything is written. ``executor`` does the steps, None: processes of this machine.

    Raises:
        UserError: the data, a checkpoint or a folder will not do. Nothing was written.
        RunStopped: the disk is full, or not to be written.
    """
    kept = Store(store)
    kept.check_place()
    folder = RunFolder.of(study, store, output)
    if output is not None:
        require_writable(output, "name another folder with --output")
    executor = executor or LocalProcesses()
    plan = make_plan(study, Machine(executor.environment()))
    missing = [step for step in plan.checkpoints if not kept.has(step.kind, step.key)]
    check_hub(missing)
    loaded = load_missing_examples(plan, kept, tell=tell)
    if look_at is not None:
        look_at(plan, loaded)
    check_checkpoints(missing, tell=tell)
    with kept.shared(), folder.opened(study):
        try:
            kept.remember(folder.path)
            folder.write(PLAN, plan_as_json(plan.stages()))  # so that the store knows what an unfinished run needs
            kept.keep_plan(folder.path)
            loaded.write(kept)
            kept.put_again(plan.examples)
            with (
                (folder.path / "log.txt").open("a", encoding="utf-8") as log,
                progress or nullcontext(Silent()) as listener,
            ):
                execution = Execution(plan, kept, folder, log, listener, executor)
                execution.execute(until)
            if until == "results":
                collect(execution)
                kept.keep_plan(folder.path)
                kept.keep_run(folder.path)
        except OSError as error:
            status, reason = status_of(error)
            raise RunStopped(
                f"{folder.path}: {status}: {reason}; mend that or give another --store, and run again: "
                "finished steps are kept"
            ) from None
    return execution
