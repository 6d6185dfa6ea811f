"""One screen on a console: what ran, cautions, a table a task, the gate, recommendations, and what to type next.

What matters most comes last, where it stays on the screen. Of more tasks than `TASKS_SHOWN` each has one line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import product

from rich.console import Capture, Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from benchmarks.statistics.equivalence import Conclusion
from harness.report.blocks import in_one_line
from harness.report.findings.phrases import SAID, gate_counts, joined, plural
from harness.report.floors import DISAGREEMENT, NEWLY_WRONG, floor
from harness.report.numbers import UNKNOWN, count, duration, fixed, interval, percent, ratio, signed, small
from harness.report.summary.cautions import cautions
from harness.report.summary.recommendation import named, not_ranked, recommendation
from harness.report.summary.standings import Sort, Standing, Word, standings
from harness.report.terminal import Terminal
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView, tasks_of
from harness.results.environment import Environment
from harness.results.gate_outcome import GateOutcome
from harness.results.read import RunResults

LINES = 45
"""Of 100 columns, for up to `TASKS_SHOWN` tasks."""
TASKS_SHOWN = 2
TABLE_HEAD = 3
"""Lines of a task's table beside its title and rows: an empty one, and the headings."""
FEWEST_ROWS = 3
WIDER_THAN_ANY = 1000
CAUTIONS = 3
GATE_SHOWN = 4
GATE_LINES = 2
GATE_STYLES = {"pass": "green", "fail": "red", "cannot tell": "yellow"}
CAUTION_LINES = (5, 4, 3, 2)
"""Each has so many, where tables and gate leave the room."""
HEAD_LINES = 2
"""Of what ran, and of a task's title."""
MARKS: dict[Conclusion | None, str] = {"same": "=", "different": "x", "cannot tell": "?", None: UNKNOWN}
# the basic colours: the terminal's theme makes them readable on its background
STYLES: dict[Word, str] = {"same": "green", "cannot tell": "yellow", "different": "red", "failed": "bold red"}


def print_screen(console: Console, run: RunResults, *, gate: GateOutcome | None = None, sort: Sort = "verdict") -> None:
    """Write the summary of a run, in at most `LINES` lines for up to `TASKS_SHOWN` tasks unless it is sorted.

    ``gate``: what the gate of its study found; None: it has none.
    """
    terminal, tasks = Terminal(console), tasks_of(run)
    shown = tasks if len(tasks) <= TASKS_SHOWN else ()
    with console.capture() as titles:
        for task in shown:
            terminal.prose(title(task), indent=0, lines=HEAD_LINES)
    # fewer of them, where tables and prices need the room
    for outcomes, caution_lines in product(range(GATE_SHOWN if gate else 1, 0, -1), CAUTION_LINES):
        with console.capture() as head:
            terminal.prose(what_ran(run, tasks), indent=0, style="bold", lines=HEAD_LINES)
            _print_cautions(terminal, tasks, caution_lines)
        with console.capture() as tail:
            _print_tail(terminal, tasks, gate, outcomes, marked=_has_marks(shown))
        written = _lines(head) + _lines(tail)
        room = LINES - written - _lines(titles)
        with console.capture() as tables:
            for task in shown:
                console.print()
                _print_task(terminal, task, sort, max(FEWEST_ROWS, room // len(shown) - TABLE_HEAD))
        if written + _lines(tables) <= LINES:
            break
    without_padding = "".join(f"{line.rstrip()}\n" for line in tables.get().splitlines())
    console.file.write(head.get() + without_padding + tail.get())


def _lines(capture: Capture) -> int:
    return capture.get().count("\n")


def _has_marks(shown: Sequence[TaskView]) -> bool:
    return any(one.verdict != "failed" for task in shown for one in standings(task))


def _print_tail(
    terminal: Terminal, tasks: Sequence[TaskView], gate: GateOutcome | None, outcomes: int, *, marked: bool
) -> None:
    """What stands below the tables; ``marked``: whether they have marks to explain."""
    if marked:
        terminal.prose(legend(tasks), style="dim")
    terminal.console.print()
    if gate is not None:
        _print_gate(terminal, gate, outcomes)
    for task in tasks:
        _print_recommendation(terminal, task)
    if sentence := not_ranked(tasks):
        terminal.prose(sentence, indent=0)
    _print_next(terminal, tasks)


def legend(tasks: Sequence[TaskView]) -> str:
    """What letters and marks stand for."""
    letters = "E errors, R representation, D distribution, A attack, S score"
    if all(task.external for task in tasks):  # neither the model nor its training data is there for the two
        letters = "E errors, R representation, S score, D and A need the model"
    sentence = f"{letters}: = same, x different, ? cannot tell, - not measured."
    if all(task.external for task in tasks):
        return sentence
    if measures := dict.fromkeys(task.speed_measure for task in tasks if any(map(task.speed_up, task.candidates))):
        sentence += f" speed-up: of {'; '.join(measures)}."
    return f"{sentence} ! unsteady timing."


def what_ran(run: RunResults, tasks: Sequence[TaskView]) -> str:
    """Study, deployments, machine and runtimes in a line."""
    deployments = sum(len([d for d in task.deployments if d.replicate_kind != "execution"]) for task in tasks)
    parts = [plural(deployments, "deployment") + (f" in {plural(len(tasks), 'task')}" if len(tasks) > 1 else "")]
    if run.results.environment is not None:
        parts += [_machine(run.results.environment), _runtimes(run.results.environment, tasks)]
    if run.performance is not None and run.performance.seconds is not None:
        parts.append(f"{duration(run.performance.seconds)}")
    return f"scalemodel {words(run.results.study)}: {'; '.join(part for part in parts if part)}"


def _machine(environment: Environment) -> str:
    gpus = [words(device.name) for device in environment.gpu.devices] if environment.gpu else []
    return ", ".join([words(environment.cpu.model) or "unknown CPU", plural(environment.cpu.cores, "core"), *gpus])


def _runtimes(environment: Environment, tasks: Sequence[TaskView]) -> str:
    backends = {d.backend for task in tasks for d in task.deployments}
    known = ("onnxruntime-gpu", "onnxruntime", "openvino", "tensorrt", "torch")
    used = [name for name in known if any(backend.startswith(name.removesuffix("-gpu")) for backend in backends)]
    return ", ".join(f"{name} {words(environment.versions[name])}" for name in used if name in environment.versions)


def _print_cautions(terminal: Terminal, tasks: Sequence[TaskView], lines: int) -> None:
    all_cautions = cautions(tasks)
    for caution in all_cautions[:CAUTIONS]:
        terminal.prose(caution.text, hanging="caution  ", lines=lines)
    if len(all_cautions) > CAUTIONS:
        terminal.prose(f"{plural(len(all_cautions) - CAUTIONS, 'more caution')}: --cautions", style="dim")


# --- a task ----------------------------------------------------------------------------------------


def _print_task(terminal: Terminal, task: TaskView, sort: Sort, rows: int) -> None:
    terminal.prose(title(task), indent=0, style="bold", lines=HEAD_LINES)
    all_standings = standings(task, sort)
    if not all_standings:
        return
    # who sorts wants to see the whole order, however long
    shown, folded = _folded(
        all_standings, rows if sort == "verdict" else len(all_standings), named(task, all_standings)
    )
    columns = [column for column in summary_columns(task) if any(column.cell(one) != UNKNOWN for one in shown)]
    table = _table(terminal, columns, shown)
    for optional in sorted((c for c in columns if c.leave_out and c.sort != sort), key=lambda c: c.leave_out):
        if _width(terminal.console, table) <= terminal.width:
            break
        columns.remove(optional)
        table = _table(terminal, columns, shown)
    terminal.console.print(table)
    for word, members in folded.items():
        names = ", ".join(one.deployment.short for one in members)
        terminal.prose(f"{len(members)} more {word}: {names}", style="dim", lines=1)


def _width(console: Console, table: Table) -> int:
    """What the table wants, in columns, however wide the console is."""
    return Measurement.get(console, console.options.update(max_width=WIDER_THAN_ANY), table).maximum


def title(task: TaskView) -> str:
    """What is compared with what, and how good that is."""
    reference = task.reference_deployment
    parts = [f"{words(task.name)} against {reference.short if reference else words(task.reference)}"]
    if reference is None or not reference.has_results:
        return f"{parts[0]}, which failed"
    if reference.score is not None:
        parts.append(f"{task.score_name} {percent(reference.score)} % of {plural(task.examples or 0, task.unit)}")
    elif task.examples:
        parts.append(f"{plural(task.examples, task.unit)} without labels")
    if task.main_figure is not None:
        name, heading = task.main_figure
        parts.append(f"{in_one_line(heading)} {_quality(reference, name)}")
    if floors := _floors(task, reference):
        parts.append(floors)
    if (p50 := reference.latency("p50")) is not None:
        mark = "!" if reference.doubtful("single_stream") else ""
        parts.append(f"{mark}{fixed(p50, 2 if p50 < 10 else 1 if p50 < 100 else 0)} ms")
    if reference.bytes is not None:
        size = reference.bytes / 2**20
        parts.append(f"{fixed(size, 1 if size < 100 else 0)} MiB")
    return ", ".join(parts)


def _floors(task: TaskView, reference: DeploymentView) -> str:
    """What changes by itself, which changes are held against."""
    execution, seed = floor(task, DISAGREEMENT, "execution").value, floor(task, DISAGREEMENT, "seed").value
    named = {"run again": execution, "other seeds": seed}
    known = [f"{percent(value)} % ({name})" for name, value in named.items() if value is not None]
    if not known:
        return ""
    alone = seed is None and any(d.model != reference.model for d in task.candidates)
    return f"floor{'s' if len(known) > 1 else ''} {joined(known)}" + (", for other models too" if alone else "")


def _quality(deployment: DeploymentView, name: str) -> str:
    return fixed(None if deployment.quality is None else getattr(deployment.quality, name), 3)


def _folded(
    all_standings: Sequence[Standing], rows: int, named: Collection[str]
) -> tuple[list[Standing], dict[str, list[Standing]]]:
    """Those that are shown, and the last of the order by verdict, which are folded; the ``named`` ones are shown."""
    if len(all_standings) <= rows:
        return list(all_standings), {}
    for room in range(rows - 1, -1, -1):
        kept = [one for i, one in enumerate(all_standings) if i < room or one.deployment.name in named]
        folded: dict[str, list[Standing]] = {}
        for one in all_standings:
            if one not in kept:
                folded.setdefault(one.verdict, []).append(one)
        if len(kept) + len(folded) <= rows:
            break
    # one alone takes a line in either way
    several = {word: members for word, members in folded.items() if len(members) > 1}
    hidden = {one.deployment.name for members in several.values() for one in members}
    return [one for one in all_standings if one.deployment.name not in hidden], several


@dataclass(frozen=True)
class ScreenColumn:
    """A column of a task's table."""

    heading: str
    cell: Callable[[Standing], str]
    right: bool = True
    leave_out: int = 0
    """In which turn it is left out where the terminal is too narrow; 0: never."""
    sort: Sort | None = None
    """The order that goes by it; then it stays."""
    style: Callable[[Standing], str] = lambda one: ""


def summary_columns(task: TaskView) -> list[ScreenColumn]:
    """All columns of a task's table, for any width."""

    def speed(one: Standing) -> str:
        text = ratio(task.speed_up(one.deployment))
        return f"!{text}" if text != UNKNOWN and task.doubtful_speed_up(one.deployment) else text

    def speed_interval(one: Standing) -> str:
        between = task.speed_up_interval(one.deployment)
        return UNKNOWN if between is None else f"{fixed(between[0], 2)}\u2013{fixed(between[1], 2)}"

    def times_floor(one: Standing) -> str:
        verdict = DISAGREEMENT.verdict(task, one.deployment)
        if verdict is None:
            return UNKNOWN
        return ratio(verdict.times_floor.value)

    def newly_wrong(one: Standing) -> str:
        pair = NEWLY_WRONG.pair(task, one.deployment)
        return count(pair.newly_wrong if pair else None)

    def marks(one: Standing) -> str:
        concluded = (*one.characteristics, one.score)
        return " ".join(MARKS[each] for each in concluded) if any(concluded) else UNKNOWN

    def changed_interval(one: Standing) -> str:
        return interval(DISAGREEMENT.of(task, one.deployment), scale=100, decimals=1)

    def divergence(one: Standing) -> str:
        # a run's screen has no room for it; without speed and size there is
        pair = NEWLY_WRONG.pair(task, one.deployment) if task.external else None
        return small(pair.divergence.value if pair and pair.divergence else None)

    score = task.score_heading.replace("accuracy", "accu\u00ad\nracy")
    main_figure = []
    if task.main_figure is not None:
        name, heading = task.main_figure
        main_figure = [ScreenColumn(heading, lambda one: _quality(one.deployment, name), leave_out=5)]
    return [
        ScreenColumn("", lambda one: one.verdict, right=False, style=lambda one: STYLES.get(one.verdict, "")),
        ScreenColumn("deployment", lambda one: one.deployment.short, right=False),
        ScreenColumn("speed-\nup", speed, leave_out=8, sort="speed"),
        ScreenColumn("\n95 %", speed_interval, leave_out=1),
        ScreenColumn("size", lambda one: ratio(task.size_ratio(one.deployment)), leave_out=4, sort="size"),
        *main_figure,
        ScreenColumn(f"{score} %", lambda one: percent(one.deployment.score), leave_out=5),
        ScreenColumn("change", lambda one: signed(task.score_change(one.deployment)), leave_out=6),
        ScreenColumn("changed\n%", lambda one: percent(DISAGREEMENT.of(task, one.deployment).value)),
        ScreenColumn("\n95 %", changed_interval, leave_out=7),
        ScreenColumn("times\nfloor", times_floor, leave_out=2),
        ScreenColumn("newly\nwrong", newly_wrong, leave_out=3),
        ScreenColumn("JS\nbits", divergence, leave_out=4),
        ScreenColumn("\nE R D A S", marks, leave_out=9),
    ]


def _table(terminal: Terminal, columns: Sequence[ScreenColumn], rows: Sequence[Standing]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            Text("\n".join(map(terminal.safe, column.heading.split("\n")))),
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis" if column.heading == "deployment" else "crop",
        )
    for one in rows:
        table.add_row(*(Text(terminal.safe(c.cell(one)), style=c.style(one)) for c in columns))
    return table


# --- what follows ----------------------------------------------------------------------------------


def _print_gate(terminal: Terminal, gate: GateOutcome, outcomes: int) -> None:
    """What stops it, so many ``outcomes``, the failures last, and the whole."""
    stopping = sorted((one for one in gate.outcomes if one.stops), key=lambda one: one.status == "fail")
    if len(stopping) > outcomes:
        terminal.prose(f"{len(stopping) - outcomes} more: scalemodel check", indent=0, style="dim")
    for one in stopping[-outcomes:]:
        outcome_text = f"{one.task}: {one.short}: {one.rule}: {one.detail}"
        terminal.prose(outcome_text, indent=0, hanging="x " if one.status == "fail" else "? ", lines=GATE_LINES)
    terminal.prose(f"gate {SAID[gate.status]}: {gate_counts(gate)}", indent=0, style=f"bold {GATE_STYLES[gate.status]}")


def _print_recommendation(terminal: Terminal, task: TaskView) -> None:
    first, *rest = recommendation(task)
    terminal.prose(f"{words(task.name)}: {first}", indent=0, style="bold")
    for sentence in rest:
        terminal.prose(sentence, indent=2)


def _print_next(terminal: Terminal, tasks: Sequence[TaskView]) -> None:
    if all(task.external for task in tasks):
        terminal.prose("next: the same with --full, --explain or --html FILE", indent=0, style="cyan")
        return
    options = ["--full", "--explain", "--changed 5", "--section NAME"]
    if len(tasks) > TASKS_SHOWN:
        options.insert(0, f"--task {words(tasks[0].name)}")
    terminal.prose(f"next: scalemodel report {', '.join(options)}", indent=0, style="cyan")
