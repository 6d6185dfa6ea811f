"""Commands, their options, and the one place where an error becomes a line and an exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from inspect import unwrap
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints

import typer

from harness.cli.exit_status import ExitStatus
from harness.cli.store import DEFAULT_STORE, StoreFolder
from harness.cli.store import app as store_app
from harness.cli.streams import outlast_readers
from harness.cli.usage import reword_value_error
from harness.errors import RunStopped, UserError
from harness.report.printable import say
from harness.report.section_names import SectionName

app = typer.Typer(
    name="scalemodel",
    help="Benchmark compressed language models as they are deployed, and measure how they differ from the large one.",
    epilog="Exit status: 0 done, and what was to pass passed; 2 wrong input; 3 a step failed; 4 something failed the "
    "gate, or became slower (`compare --fail-on`); 5 nothing failed, but something cannot be told where the policy "
    "wants an answer; 130 interrupted. A step that failed goes before the gate.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[
    Path, typer.Argument(help="A study: a YAML file, or the name of one that ships (`scalemodel list configs`).")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH.TO.KEY=VALUE", help="Override a value of the config, written as YAML; may be repeated."
    ),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", metavar="TASK", help="Only this task of the study, by its name there; may be repeated."),
]


Offline = Annotated[
    Path | None,
    typer.Option("--offline", metavar="FOLDER", help="Ask no network: the hub's part is what `fetch --to FOLDER` got."),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="local|ray[://HOST:PORT]",
        help="Where the steps are done: processes of this machine, or a Ray cluster (docs/scaling.md).",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", help="The run's folder, instead of one in the store named after the study.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors and the result only.")]
Format = Annotated[
    Literal["terminal", "markdown", "json"], typer.Option("--format", "-f", help="How the report is written.")
]
ReportFormat = Annotated[
    Literal["terminal", "markdown", "json", "latex"],
    typer.Option("--format", "-f", help="How the report is written; `latex`: its tables, for a paper."),
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page: one file that needs nothing else.")
]
TidyTable = Annotated[
    Path | None,
    typer.Option(
        "--table", metavar="FILE", help="Write the figures, a row each, as .csv or .parquet (docs/python.md)."
    ),
]
Cautions = Annotated[bool, typer.Option("--cautions", help="All cautions.")]
Explain = Annotated[bool, typer.Option("--explain", help="How to read the screen.")]
Full = Annotated[bool, typer.Option("--full", help="The full report, not one screen of it.")]
AllPairs = Annotated[
    bool,
    typer.Option("--all-pairs", help="The full report, with the matrices of all deployments, however many there are."),
]
NoTexts = Annotated[
    bool, typer.Option("--no-texts", help="Leave the texts and answers of the data out, where they may not be shown.")
]
FinishedRun = Annotated[
    Path | None, typer.Argument(help="A run's folder or a study's name; the latest run of the store if left out.")
]


@app.command()
def run(
    config: Config,
    set: Set = None,
    task: Tasks = None,
    store: StoreFolder = DEFAULT_STORE,
    output: Output = None,
    format: Format = "terminal",
    full: Full = False,
    all_pairs: AllPairs = False,
    no_texts: NoTexts = False,
    quiet: Quiet = False,
    offline: Offline = None,
    executor: ExecutorName = "local",
) -> None:
    """Do everything a study asks for, and report. What is done already is reused; a stopped run goes on."""
    from harness.cli.run import work
    from harness.cli.show import Shown, show_report

    def show(folder: Path) -> None:
        show_report(folder, store, Shown(format, full, all_pairs, texts=not no_texts))

    work(
        config,
        set or [],
        task or [],
        store,
        output,
        quiet=quiet,
        until="results",
        executor=executor,
        show=show,
        offline=offline,
    )


@app.command()
def train(
    config: Config,
    set: Set = None,
    task: Tasks = None,
    store: StoreFolder = DEFAULT_STORE,
    output: Output = None,
    quiet: Quiet = False,
    offline: Offline = None,
    executor: ExecutorName = "local",
) -> None:
    """Fine-tune the models of a study that have a `training`. `run` does this too, where it is missing."""
    from harness.cli.run import work

    work(
        config,
        set or [],
        task or [],
        store,
        output,
        quiet=quiet,
        until="checkpoints",
        executor=executor,
        offline=offline,
    )


@app.command()
def export(
    config: Config,
    set: Set = None,
    task: Tasks = None,
    store: StoreFolder = DEFAULT_STORE,
    output: Output = None,
    quiet: Quiet = False,
    offline: Offline = None,
    executor: ExecutorName = "local",
) -> None:
    """Turn the models of a study into artifacts, and verify each on its backends against its checkpoint.

    The run's folder gets artifacts/TASK/MODEL/FORMAT, links to the files.
    """
    from harness.cli.run import work

    work(
        config, set or [], task or [], store, output, quiet=quiet, until="artifacts", executor=executor, offline=offline
    )


@app.command()
def report(
    run: FinishedRun = None,
    store: StoreFolder = DEFAULT_STORE,
    format: ReportFormat = "terminal",
    full: Full = False,
    section: Annotated[
        list[SectionName] | None,
        typer.Option(
            "--section",
            metavar="NAME",
            help=f"These sections of the full report: {', '.join(SectionName)}; may be repeated.",
        ),
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", metavar="TASK", help="These tasks; may be repeated.")
    ] = None,
    deployment: Annotated[
        list[str] | None,
        typer.Option("--deployment", metavar="PATTERN", help="These deployments, such as `*/int8-*`; may be repeated."),
    ] = None,
    changed: Annotated[
        int | None,
        typer.Option(
            "--changed", metavar="N", min=1, help="N changed examples with both answers, of the --deployment given."
        ),
    ] = None,
    cautions: Cautions = False,
    explain: Explain = False,
    sort: Annotated[
        Literal["verdict", "speed", "size", "changed", "name"], typer.Option("--sort", help="Order of the deployments.")
    ] = "verdict",
    html: Html = None,
    table: TidyTable = None,
    model_card: Annotated[
        str | None,
        typer.Option(
            "--model-card", metavar="DEPLOYMENT", help="The model-index of a deployment's model card, as YAML."
        ),
    ] = None,
    all_pairs: AllPairs = False,
    no_texts: NoTexts = False,
) -> None:
    """Show what a run found: one screen that says what can be shipped, or the part that is asked for."""
    from harness.cli.show import Shown, show_report

    shown = Shown(
        format=format,
        full=full,
        all_pairs=all_pairs,
        tasks=task or (),
        deployments=deployment or (),
        sections=section or (),
        changed=changed,
        cautions=cautions,
        explain=explain,
        sort=sort,
        html=html,
        table=table,
        model_card=model_card,
        texts=not no_texts,
    )
    show_report(run, store, shown)


@app.command()
def compare(
    run_a: Annotated[
        Path, typer.Argument(metavar="RUN_A", help="The run to compare with: a run's folder or a study's name.")
    ],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="The run in question, likewise.")],
    store: StoreFolder = DEFAULT_STORE,
    format: Format = "terminal",
    minimum_effect: Annotated[
        float, typer.Option("--minimum-effect", metavar="SHARE", help="Changes up to this share do not matter.")
    ] = 0.05,
    fail_on: Annotated[
        Literal["slower"] | None,
        typer.Option("--fail-on", help="Exit with status 4 if anything is called slower or bigger."),
    ] = None,
) -> None:
    """Tell whether run B is slower, faster or bigger than run A, deployment by deployment."""
    from harness.cli.compare import compare_runs

    compare_runs(run_a, run_b, store, format, minimum_effect=minimum_effect, fail_on_slower=fail_on == "slower")


@app.command()
def check(
    run: FinishedRun = None,
    policy: Annotated[
        Path | None, typer.Option(help="Limits, as YAML (docs/ci.md); what the study's own `gate` found if left out.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="What `scalemodel baseline` wrote, instead of the policy's.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the outcomes as JUnit XML.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write them as Markdown, for a pull request or a step summary.")
    ] = None,
    github: Annotated[bool, typer.Option("--github", help="Print them as annotations of GitHub Actions too.")] = False,
    benchmark_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the figures for github-action-benchmark (customSmallerIsBetter)."),
    ] = None,
    store: StoreFolder = DEFAULT_STORE,
) -> None:
    """Hold a run against a policy: exit status 0 where it passes, 4 where it fails, 5 where that cannot be told."""
    from harness.cli.check import Outputs
    from harness.cli.check import check as check_run

    check_run(run, store, policy, baseline, Outputs(junit, markdown, benchmark_json, github))


policy_app = typer.Typer(no_args_is_help=True)
app.add_typer(policy_app, name="policy")


@policy_app.command("init")
def policy_init(run: FinishedRun = None, store: StoreFolder = DEFAULT_STORE) -> None:
    """Write a policy to start from, made from a run, to standard output."""
    from harness.cli.check import print_policy

    print_policy(run, store)


@policy_app.callback()
def policy_options() -> None:
    """Make a policy, which `check` and a study's `gate` hold runs against."""


@app.command()
def baseline(run: FinishedRun = None, store: StoreFolder = DEFAULT_STORE) -> None:
    """Write a run's figures with their intervals to standard output: a small JSON for git, which `check` takes."""
    from harness.cli.check import print_baseline

    print_baseline(run, store)


@app.command("compare-outputs")
def compare_outputs_(
    outputs: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=FILE",
            help="Whose outputs a file holds; the first name is the reference. SQuAD predictions or a list of error "
            "ids (JSON; ids also one a line), classes or their probabilities or logits (CSV, JSONL), "
            "representations or probabilities (.npy, .npz).",
        ),
    ],
    gold: Annotated[
        Path | None, typer.Option(help="The examples with gold answers (SQuAD layout) or labels (CSV, JSONL).")
    ] = None,
    ids: Annotated[Path | None, typer.Option(help="The ids of all examples, where the gold data is not there.")] = None,
    examples: Annotated[
        int | None, typer.Option(min=1, help="How many examples there are, where only that is known.")
    ] = None,
    common: Annotated[bool, typer.Option("--common", help="Compare the ids that all files have.")] = False,
    execution_floor: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="This is the reference run again; may be repeated."),
    ] = None,
    seed_floor: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="This is the reference trained with another seed; may be repeated."),
    ] = None,
    format: ReportFormat = "terminal",
    full: Full = False,
    cautions: Cautions = False,
    explain: Explain = False,
    html: Html = None,
    table: TidyTable = None,
    all_pairs: AllPairs = False,
    resamples: Annotated[int, typer.Option(min=100, help="Resamples behind every 95 % interval.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
) -> None:
    """Compare outputs that come from elsewhere, without any model. The report is that of a run."""
    from harness.cli.compare_outputs import compare_outputs, floors_of
    from harness.cli.show import Shown
    from harness.external_outputs.comparison import Settings

    floors = floors_of(execution_floor or [], seed_floor or [])
    settings = Settings(gold, ids, examples, common, floors, resamples, seed)
    shown = Shown(format, full, all_pairs, cautions=cautions, explain=explain, html=html, table=table)
    compare_outputs(outputs, settings, shown)


@app.command()
def validate(
    config: Config, set: Set = None, task: Tasks = None, store: StoreFolder = DEFAULT_STORE, offline: Offline = None
) -> None:
    """Check a study and the data it names, and say what it would do and take. Writes nothing."""
    from harness.cli.validate import validate_study

    validate_study(config, set or [], task or [], store, offline)


@app.command()
def fetch(
    config: Config,
    set: Set = None,
    task: Tasks = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to, in place of the hub's own cache (HF_HOME).")
    ] = None,
) -> None:
    """Fetch what a study needs of the hub, models and data, for a run without a network: see `run --offline`.

    Called again it goes on where it was.
    """
    from harness.cli.fetch import fetch_study

    fetch_study(config, set or [], task or [], to)


app.add_typer(store_app, name="store")


@app.command()
def doctor() -> None:
    """Tell which backends work on this machine, and what the others lack."""
    from harness.cli.doctor import examine

    examine()


@app.command("list")
def list_(
    what: Annotated[
        Literal["configs", "runs", "formats", "backends", "models", "schema"],
        typer.Argument(help="`runs` are those of the store; `schema` is the JSON schema of config files, for editors."),
    ],
    of: Annotated[
        Literal["study", "results"] | None,
        typer.Argument(help="`schema results` is the JSON schema of a run's results.json and performance.json."),
    ] = None,
    store: StoreFolder = DEFAULT_STORE,
) -> None:
    """List what there is to choose from."""
    from harness.cli.listing import list_what, print_schema

    if what == "schema":
        print_schema(of or "study")
    elif of is not None:
        raise UserError(f"list {what} {of}: only a schema is of something; `scalemodel list {what}` lists all")
    else:
        list_what(what, store)


def version(show: bool) -> None:
    if show:
        from importlib.metadata import version as installed

        print(f"scalemodel {installed('scalemodel')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)
"""An option, argument or command that is wrong, missing or unknown: typer itself names only the first."""


def _called(words: Sequence[str]) -> tuple[str, Any]:
    """The command that a line calls, and its path: typer's own parser, at an option without a value, tells neither."""
    path, command = "scalemodel", typer.main.get_command(app)
    for word in words:
        if (below := getattr(command, "commands", {}).get(word)) is None:
            break
        path, command = f"{path} {word}", below
    return path, command


def _choices(command: Any, option: str | None) -> list[str]:
    """The values that an option can have, where they are a closed set."""
    names = [one.name for one in command.params if option in one.opts]
    hints = get_type_hints(unwrap(command.callback)) if names else {}
    return [choice for name in names for choice in _closed_set(hints[name])]


def _closed_set(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        yield from hint
    else:
        for part in get_args(hint):
            yield from _closed_set(part)


NO_WAY_THERE = (errno.ENAMETOOLONG, errno.EACCES, errno.ELOOP)
"""What is wrong with a path itself, wherever it is given."""


def main() -> None:
    """Run the command line; what is wrong with its input becomes one line on standard error and exit status 2."""
    os.environ["PYTHONSAFEPATH"] = "1"  # no process that this one starts imports from the current folder
    outlast_readers()
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()  # here, where a full disk can still be told
        sys.exit(status)
    except UsageError as error:
        if message := " ".join(error.format_message().removesuffix(".").replace("Value error, ", "").split()):
            path, command = _called(sys.argv[1:])
            wrong = getattr(error, "param", None)  # or an option without a value, which typer names only
            choices = _choices(command, getattr(error, "option_name", None) if wrong is None else wrong.opts[0])
            sentence = reword_value_error(message[0].lower() + message[1:], error.__cause__, choices)
            say(f"scalemodel: {sentence}; see `{path} --help`", error=True)
        sys.exit(ExitStatus.BAD_INPUT)  # without a message the help has been shown
    except UserError as error:
        for line in error.lines:
            say(f"scalemodel: {' '.join(line.split())}", error=True)
        sys.exit(ExitStatus.BAD_INPUT)
    except RunStopped as error:
        say(f"scalemodel: {' '.join(str(error).split())}", error=True)
        sys.exit(ExitStatus.STEP_FAILED)
    except OSError as error:
        if error.filename is not None and error.errno in NO_WAY_THERE:
            say(f"scalemodel: {error.filename}: {error.strerror}; give another path, or mend that one", error=True)
            sys.exit(ExitStatus.BAD_INPUT)
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python tries to write the rest once more, at its end
        say("scalemodel: standard output: no space left on its device; make room and call again", error=True)
        sys.exit(ExitStatus.STEP_FAILED)
