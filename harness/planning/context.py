"""One task of a study on this machine: what its steps are planned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backends.host.machine import environment
from harness.config.deployments import represented
from harness.config.names import TaskName
from harness.config.study import Study
from harness.config.tasks import QuestionAnswering, Task


@dataclass(frozen=True)
class Machine:
    """What the results of some steps depend on, beside their inputs."""

    isa: str
    cores: int
    facts: dict[str, Any]
    """Timings of unlike machines, or of one machine set up otherwise, are never taken for each other."""


def this_machine() -> Machine:
    facts = environment()
    return Machine(
        isa=facts["cpu"]["isa"],
        cores=facts["cpu"]["cores"],
        facts={name: facts[name] for name in ("cpu", "memory_limit", "variables", "gpu", "os", "python")},
    )


@dataclass(frozen=True)
class TaskContext:
    study: Study
    name: TaskName
    task: Task
    machine: Machine

    @property
    def labels(self) -> list[str]:
        return list(self.task.labels or ())

    @property
    def decoding(self) -> QuestionAnswering | None:
        """How answers are decoded; None where nothing is asked."""
        if self.name != "question-answering":
            return None
        return self.task.question_answering or QuestionAnswering()

    @property
    def windows(self) -> dict[str, int] | None:
        """How long contexts are cut, without how answers are decoded: all that training and export depend on."""
        if self.decoding is None:
            return None
        return {"max_seq_length": self.decoding.max_seq_length, "doc_stride": self.decoding.doc_stride}

    def without_representation(self, model: str) -> dict[str, bool]:
        """An option that is there only where it says no, so that no other step's key knows of it."""
        return {} if represented(self.task, model) else {"representation": False}
