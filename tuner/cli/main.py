"""Commands: parse, call the library, show. Nothing heavy is imported before a command needs it.

Standard output carries results, standard error progress and messages. Exit codes are those of `tuner.errors`.
"""

from __future__ import annotations

import gc
import json
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from tuner import collector
from tuner.cli.printable import printable
from tuner.errors import DataError, ReplayMismatch, StudyError, TunerError
from tuner.timing import Clock

app = typer.Typer(
    name="tuner",
    help="Find class weights for imbalanced classification, and say honestly whether they help.",
    epilog="Example: python -m tuner run configs/default.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

STOPPED = "stopped; what was finished is kept"

ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file, or a study's folder.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override one config key, e.g. study.n_trials=20. Repeatable."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output; progress as JSON lines on stderr.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]


@app.command(epilog="Example: python -m tuner run configs/default.yaml --set study.n_trials=20")
def run(
    config: ConfigArgument,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Run or resume a study, then write its report and exports.

    It ends with exactly study.n_trials finished trials. Ctrl-C keeps it; the same command goes on.
    """
    with collector.at_rest():
        from tuner.cli import show
        from tuner.config.load import load_config
        from tuner.interruption import catching_signals
        from tuner.report.export import no_trial_completed
        from tuner.run import run_study

    loaded = load_config(config, overrides=override or ())
    with catching_signals() as stop, _listener(as_json=as_json, quiet=quiet) as listen:
        result = run_study(loaded, listen=listen, stop=stop, clock=Clock.of_process())
    _print(show.run_object(result) if as_json else show.run_text(result))
    if result.summary.best is None:
        message = no_trial_completed(result.summary)
        typer.echo(_error_line(message, "StudyError", StudyError.exit_code, as_json=as_json), err=True)
        raise typer.Exit(StudyError.exit_code)


@app.command(epilog="Example: python -m tuner init data/fraud.csv --target is_fraud --drop id")
def init(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV, TSV, gzipped or not, or Parquet.")],
    target: Annotated[
        list[str], typer.Option(metavar="COLUMN", help="The column of classes. Repeat it for several labels.")
    ],
    positive: Annotated[
        str | None, typer.Option(metavar="CLASS", help="The positive one of two classes; by default the rarer one.")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="A column to leave out. Repeatable.")] = None,
    missing: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="A further word for a missing value. Repeatable.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=KIND", help="What a column is: numeric, boolean, categorical, date, text, drop."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write; by default the table's name, in this folder.")
    ] = None,
    drop_unlabeled: Annotated[bool, typer.Option("--drop-unlabeled", help="Leave out rows without a label.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Write a commented config for a table.

    With what was inferred from it, and the evidence for each inference.
    """
    from tuner.cli import show
    from tuner.start import start

    begun = start(
        table,
        target=target,
        positive=positive,
        drop=drop or (),
        missing=missing or (),
        kinds=kind or (),
        drop_unlabeled=drop_unlabeled,
        out=out,
        force=force,
    )
    _print(begun.as_dict() if as_json else show.start_text(begun))


@app.command(epilog="Example: python -m tuner check configs/default.yaml --strict --plot")
def check(
    config: ConfigArgument,
    strict: Annotated[bool, typer.Option("--strict", help="Leave with exit code 3 where there is a warning.")] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw classes, rows and missing cells, as <study name>_data.png here.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the picture, a PNG; implies --plot.")
    ] = None,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Explain the plan and the data; train nothing.

    Rows, classes, folds, leaks, duplicates, memory, time. Warnings come first; each says what to do.
    """
    from tuner.check.plan import make_plan
    from tuner.cli.plan import plan_text
    from tuner.config.load import load_config
    from tuner.engine import n_threads
    from tuner.prepared import prepare

    loaded = load_config(config, overrides=override or ())
    prepared = prepare(loaded.config)
    plan = make_plan(prepared, threads=n_threads(loaded.config.engine))
    files = _write_picture(prepared, out) if plot or out is not None else {}
    _print(plan.as_dict() | {"files": files} if as_json else plan_text(plan, files=files))
    n_warnings = sum(finding.level == "warning" for finding in plan.findings)
    if strict and n_warnings:
        message = f"{n_warnings} warning{'s' * (n_warnings > 1)}; with --strict that is an error. Nothing was trained."
        typer.echo(_error_line(message, "DataError", DataError.exit_code, as_json=as_json), err=True)
        raise typer.Exit(DataError.exit_code)


@app.command(epilog="Example: python -m tuner verdict configs/default.yaml")
def verdict(
    config: ConfigArgument,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Say whether class weights help on this table, beyond noise.

    Weights, no weights, moved thresholds, resampling and focal loss, each with a search of its own inside every fold of
    cv. Ctrl-C keeps finished folds; the same command goes on.
    """
    with collector.at_rest():
        from tuner.cli import show
        from tuner.config.load import load_config
        from tuner.interruption import catching_signals
        from tuner.run import make_verdict

    loaded = load_config(config, overrides=override or ())
    with catching_signals() as stop, _listener(as_json=as_json, quiet=quiet) as listen:
        result = make_verdict(loaded, listen=listen, stop=stop, clock=Clock.of_process())
    _print(show.verdict_object(result.verdict) if as_json else show.verdict_text(result.verdict, files=result.files))


@app.command(epilog="Example: python -m tuner status studies/default")
def status(
    config: ConfigArgument,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Tell what a study holds, and the best trial so far."""
    from tuner.cli import show

    summary, _ = _stored(config, override)
    _print(show.status_object(summary) if as_json else show.status_text(summary))


@app.command(epilog="Example: python -m tuner report studies/default")
def report(
    config: ConfigArgument,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Write the report, its tables and plots from the database.

    That is report.html, trials.csv, folds.csv and plots/*.png; nothing is trained and no table is read.
    """
    from tuner.report import write_report

    summary, folder = _stored(config, override)
    files = write_report(summary, folder)
    _print({"study": summary.name, "files": files} if as_json else "\n".join(files.values()))


@app.command(epilog="Example: python -m tuner export studies/default --out -")
def export(
    config: ConfigArgument,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Where to write; - is standard output."),
    ] = None,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Write best_weights.json, the weights of the best trial."""
    from tuner.report.contract import WEIGHTS_NAME
    from tuner.report.export import best_weights_text, write_best_weights

    summary, folder = _stored(config, override)
    if out == "-":
        typer.echo(best_weights_text(summary), nl=False)
        return
    path = Path(out) if out else folder / WEIGHTS_NAME
    write_best_weights(summary, path)
    _print({"study": summary.name, "files": {"weights": str(path)}} if as_json else str(path))


@app.command(epilog="Example: python -m tuner replay studies/default --trial 57 --folds 3")
def replay(
    config: ConfigArgument,
    trial: Annotated[int, typer.Option(metavar="N", min=0, help="Number of the trial.")],
    folds: Annotated[int | None, typer.Option(metavar="K", min=1, help="Only the first K folds.")] = None,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Train one trial again with plain Keras, and compare.

    One fold at a time with keras.Sequential.fit; exit code 6 where a fold disagrees with what is stored.
    """
    from tuner.cli import show
    from tuner.config.load import load_config
    from tuner.interruption import catching_signals
    from tuner.replay import replay_trial

    loaded = load_config(config, overrides=override or ())

    def tell(fold: Any) -> None:
        if not (as_json or quiet):
            typer.echo(show.replay_row(fold, metric=loaded.config.scoring.metric), err=True)

    with catching_signals() as stop:
        result = replay_trial(loaded, trial, n_folds=folds, stop=stop, listen=tell)
    _print(result.as_dict() if as_json else show.replay_text(result))
    if not result.agrees:
        raise typer.Exit(ReplayMismatch.exit_code)


@app.command(epilog="Example: python -m tuner dashboard studies/default --port 8080")
def dashboard(
    config: ConfigArgument,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    override: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Show a study in optuna-dashboard, on 127.0.0.1 only.

    It asks nobody for a password.
    """
    from tuner.cli.dashboard import serve
    from tuner.config.load import load_config
    from tuner.run import find_database

    loaded = load_config(config, overrides=override or ())
    serve(find_database(loaded), port=port, announce=lambda address: _print({"url": address} if as_json else address))


def _write_picture(prepared: Any, out: Path | None) -> dict[str, str]:
    """Write the picture of a table and return where it is."""
    from tuner.check.picture import picture_name, table_picture
    from tuner.files import write_atomically

    path = out or Path(picture_name(prepared.config.study.name))
    write_atomically(path, table_picture(prepared))
    return {"picture": str(path)}


def _stored(config: Path, override: list[str] | None) -> tuple[Any, Path]:
    """Return the summary of a study and its folder, from the database alone."""
    from tuner.config.load import load_config
    from tuner.study.database import database_path
    from tuner.study.summary import load_summary

    loaded = load_config(config, overrides=override or ())
    database = database_path(loaded.config.study.storage, folder=loaded.folder)
    return load_summary(database, loaded.config.study.name), loaded.folder


def _listener(*, as_json: bool, quiet: bool) -> Any:
    from tuner.cli.progress import make_listener

    return make_listener(json=as_json, quiet=quiet, terminal=sys.stderr.isatty(), stream=sys.stderr)


def _print(value: object) -> None:
    typer.echo(printable(value) if isinstance(value, str) else json.dumps(value, allow_nan=False))


def main() -> None:
    """Run a command and leave with its exit code."""
    code = call(sys.argv[1:])
    gc.freeze()  # or the collector searches everything once more before the process ends: a second or two
    sys.exit(code)


def call(arguments: list[str]) -> int:
    """Run a command and return its exit code; every failure becomes one message."""
    try:
        with collector.thawed_afterwards():
            code = app(arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except TunerError as error:
        _report(str(error), type(error).__name__, error.exit_code, arguments)
        return error.exit_code
    except KeyboardInterrupt:
        _report(STOPPED, "Stopped", 130, arguments)
        return 130
    except typer.Abort:
        _report(STOPPED, "Stopped", 130, arguments)
        return 130
    except Exception as error:  # noqa: BLE001 - the last line of defense: one clear message instead of a traceback
        if (show := getattr(error, "show", None)) is not None:  # a mistake on the command line
            if "--json" not in arguments:
                show()
            else:
                _report(getattr(error, "format_message", error.__str__)(), "UsageError", 2, arguments)
            return 2
        message = f"unexpected error: {type(error).__name__}: {error}\nRun again with --debug for the traceback."
        _report(message, type(error).__name__, 1, arguments)
        return 1


def _report(message: str, kind: str, exit_code: int, arguments: list[str]) -> None:
    as_json = "--json" in arguments
    if "--debug" in arguments:
        traceback.print_exc()
    if as_json:
        _print({"error": {"kind": kind, "message": message, "exit_code": exit_code}})
    typer.echo(_error_line(message, kind, exit_code, as_json=as_json), err=True)


def _error_line(message: str, kind: str, exit_code: int, *, as_json: bool) -> str:
    """Return what standard error ends with: words for people, or one more line of JSON."""
    if not as_json:
        return printable(message)
    return json.dumps({"event": "error", "kind": kind, "message": message, "exit_code": exit_code})
