"""A config file into a `Study`. Whatever is wrong with it becomes one line with file, key path, value and way out."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from harness.config.faults import all_faults, nearest_option
from harness.config.plain_yaml import FileKind, load_plain, read_yaml
from harness.config.policy import Policy, Rule
from harness.config.references import check_references
from harness.config.study import Study
from harness.errors import UserError

STUDY = FileKind(
    "study",
    missing="no such config file; `scalemodel list configs` names those that ship",
    start="start from `configs/quickstart.yaml`",
)
POLICY = FileKind(
    "policy",
    missing="no such policy; `scalemodel policy init RUN` writes one",
    start="start from what `scalemodel policy init RUN` writes",
)


def load_study(path: Path, overrides: Sequence[str] = (), *, tasks: Sequence[str] = ()) -> Study:
    """Read the study in ``path``, with ``overrides`` of the form ``path.to.key=value``; of its tasks only ``tasks``.

    Strings may name an entry of the file's ``parameters`` as ``${name}``. No ``tasks`` are all of them.

    Raises:
        UserError: the file cannot be read, is not YAML, does not describe a study (a line for each fault), or lacks
            one of ``tasks``.
    """
    tree = read_yaml(path, STUDY)
    for override in overrides:
        _override(tree, override, path)
    tree = _substitute(tree, path)
    policy = tree.pop("gate") if isinstance(tree.get("gate"), str) else None
    try:
        study = Study.model_validate(tree)
    except ValidationError as error:
        raise _faults(path, error, tree, Study) from None
    if policy is not None:
        study = study.model_copy(update={"gate": load_policy(path.parent / policy)})
    elif study.gate is not None:
        study = study.model_copy(update={"gate": _placed(study.gate, path)})
    for task in tasks:
        if task not in study.tasks:
            raise UserError(f"--task {task}: {path} has no such task; it has {', '.join(study.tasks)}")
    if tasks:
        chosen = {name: study.tasks[name] for name in study.tasks if name in tasks}
        study = study.model_copy(update={"tasks": chosen, "gate": _of_tasks(study.gate, study.tasks, chosen)})
    check_references(study, path)
    return study


def load_policy(path: Path) -> Policy:
    """Read the policy in ``path``.

    Raises:
        UserError: the file cannot be read, is not YAML, or does not describe a policy: a line for each fault.
    """
    tree = read_yaml(path, POLICY)
    try:
        return _placed(Policy.model_validate(tree), path)
    except ValidationError as error:
        raise _faults(path, error, tree, Policy) from None


def _faults(path: Path, error: ValidationError, tree: Any, root: type[BaseModel]) -> UserError:
    """A line for each."""
    return UserError(*(f"{path}: {fault}" for fault in all_faults(error, tree, root)))


def _placed(policy: Policy, path: Path) -> Policy:
    """The policy with the place of its baseline, which is named from the file ``path``."""
    return policy.model_copy(update={"baseline": policy.baseline and path.parent / policy.baseline})


def _of_tasks(policy: Policy | None, known: Iterable[str], chosen: Iterable[str]) -> Policy | None:
    """Without the patterns, and the rules, that are about tasks which were not chosen."""
    if policy is None:
        return None
    gone = set(known) - set(chosen)

    def about(rule: Rule) -> tuple[str, ...]:
        return tuple(
            pattern
            for pattern in rule.tasks
            if any(fnmatchcase(task, pattern) for task in chosen)
            or not any(fnmatchcase(task, pattern) for task in gone)
        )

    rules = tuple(rule.model_copy(update={"tasks": tasks}) for rule in policy.rules if (tasks := about(rule)))
    return policy.model_copy(update={"rules": rules}) if rules else None


def _override(tree: dict[str, Any], override: str, path: Path) -> None:
    key_path, equals, text = override.partition("=")
    keys = key_path.strip().split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {override}: not of the form path.to.key=value")
    try:
        value = load_plain(text)
    except yaml.YAMLError:
        short = override if len(override) < 80 else override[:77] + "..."
        raise UserError(f"--set {short}: the value is not plain YAML; quote it") from None
    place: Any = tree
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(place, list):
            if not key.isdigit() or int(key) >= len(place):
                raise UserError(f"--set {override}: {key!r} is not an index below {len(place)} in {path}")
            if last:
                place[int(key)] = value
            place = place[int(key)]
        elif isinstance(place, dict):
            if last:
                place[key] = value
            elif place.get(key) is None:
                place[key] = {}
            place = place[key]
        else:
            raise UserError(f"--set {override}: {'.'.join(keys[:depth])} is a plain value in {path}, not a mapping")


def _substitute(tree: dict[str, Any], path: Path) -> dict[str, Any]:
    """Replace ``${name}`` in every string by the entry of ``parameters``, which is taken out."""
    parameters = tree.pop("parameters", None) or {}
    if not isinstance(parameters, dict):
        raise UserError(f"{path}: parameters: needs names with values, got {parameters!r}")
    used: set[str] = set()

    def replace(value: Any, place: str) -> Any:
        if isinstance(value, dict):
            return {key: replace(child, f"{place}.{key}") for key, child in value.items()}
        if isinstance(value, list):
            return [replace(child, f"{place}.{index}") for index, child in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            used.update(string.Template(value).get_identifiers())
            try:
                return string.Template(value).substitute({key: str(item) for key, item in parameters.items()})
            except (KeyError, ValueError):
                known = ", ".join(map(str, parameters)) or "none is given"
                raise UserError(f"{path}: {place[1:]}: {value!r} names no parameter (known: {known})") from None
        return value

    replaced = {key: replace(value, f".{key}") for key, value in tree.items()}
    for name in parameters:
        if name not in used:
            nearest = nearest_option(str(name), sorted(used)) if used else ""
            raise UserError(f"{path}: parameters.{name}: nothing uses it as ${{{name}}}{nearest}")
    return replaced
