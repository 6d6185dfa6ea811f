"""Tasks by name: each says all that is asked of it, and its head is the same in all packages."""

from __future__ import annotations

import pytest

import backends.tasks
import exporters.tasks
from harness.config.figures import FIGURES
from harness.config.study import json_schema
from harness.config.task_registry import TASKS, task_class
from harness.errors import UserError
from harness.results.deployments import Quality
from harness.tasks.task import task_for


@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_what_it_is(name: str) -> None:
    task = task_class(name)
    assert task.name == name and task.correct in task.gold
    assert exporters.tasks.TASKS[task.head.task] is task.head
    assert set(task.policy_figures) <= set(FIGURES) and set(task.figures) <= set(Quality.model_fields)
    assert task.main_figure is None or task.main_figure in task.figures
    assert task_for(name, max_length=100).with_max_tokens(64).max_tokens == 64


def test_packages_that_do_not_know_each_other_agree_about_heads() -> None:
    assert backends.tasks.TASKS.keys() == exporters.tasks.TASKS.keys()
    for name, head in exporters.tasks.TASKS.items():
        other = backends.tasks.TASKS[name]
        assert head.auto_class == other.auto_class
        assert (*head.outputs, backends.tasks.REPRESENTATION) == other.outputs
        assert head.per_token == set(other.per_token)


def test_a_study_may_name_the_tasks_of_the_registry_and_no_other() -> None:
    assert json_schema()["properties"]["tasks"]["propertyNames"]["enum"] == list(TASKS)
    with pytest.raises(UserError, match="unknown task 'summaries': the tasks are question-answering, "):
        task_class("summaries")
