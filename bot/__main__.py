"""``onethread run | demo | check | manifest | stats | version``; nothing else."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.errors import RelayError


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script. Exit codes: 0 fine, 1 something is wrong (said on stderr), 2 wrong usage."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.do(given))
    except RelayError as error:
        words = str(error)
        print(f"onethread:{chr(10) if chr(10) in words else ' '}{words}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("onethread", description="Every customer, one Slack thread.")
    commands = parser.add_subparsers(required=True, metavar="run|check|manifest|stats|demo|version")
    run = commands.add_parser("run", help="run the bot")
    run.add_argument("--config", type=Path, default=Path("app.yaml"))
    run.set_defaults(do=_run)
    check = commands.add_parser("check", help="say what is wrong with app.yaml and the accounts it names")
    check.add_argument("--config", type=Path, default=Path("app.yaml"))
    check.set_defaults(do=_check)
    manifest = commands.add_parser(
        "manifest", help="print the Slack app's manifest, to paste into api.slack.com/apps"
    )
    manifest.add_argument("--prefix", default="", help="what stands before every command, as commands.prefix")
    manifest.add_argument("--name", default="Onethread", help="the app's name in Slack")
    manifest.set_defaults(do=_manifest)
    demo = commands.add_parser("demo", help="run the bot against local stand-ins, with a page to try it")
    demo.add_argument("--port", type=int, default=8080)
    demo.add_argument("--dir", type=Path, default=Path("demo-data"))
    demo.set_defaults(do=_demo)
    stats = commands.add_parser("stats", help="count the figures of /stats anew, while the bot is stopped")
    stats.add_argument("--config", type=Path, default=Path("app.yaml"))
    stats.add_argument(
        "--recount", action="store_true", help="put right what is wrong; without it, it is only told"
    )
    stats.set_defaults(do=_stats)
    commands.add_parser("version", help="print the version").set_defaults(do=_version)
    return parser


def _run(given: argparse.Namespace) -> int:
    from bot import app, config, log

    loaded = config.load(given.config, os.environ)
    log.setup(loaded.log.level, loaded.log.format)
    asyncio.run(app.serve(loaded))
    return 0


def _check(given: argparse.Namespace) -> int:
    from bot import app, config, log
    from bot.settings import policies

    loaded = config.load(given.config, os.environ)
    log.setup("error", "console")
    for note in policies.notes(loaded):
        print(f"Note: {note}")
    problems = asyncio.run(app.check(loaded))
    for problem in problems:
        print(f"- {problem}", file=sys.stderr)
    if not problems:
        print("Everything works: Slack, the database and each inbox.")
    return 1 if problems else 0


def _stats(given: argparse.Namespace) -> int:
    from bot import app, config, log

    loaded = config.load(given.config, os.environ)
    log.setup("error", "console")
    found = asyncio.run(app.recount(loaded, repair=given.recount, say=print))
    print(f"{found.cases:,} cases counted.")
    if not found.wrong_cases and not found.wrong_cells:
        print("Every figure is right.")
        return 0
    what = f"{found.wrong_cases:,} cases and {found.wrong_cells:,} figures"
    if given.recount:
        print(f"{what} were wrong and are right now.")
        return 0
    print(f"{what} are wrong. onethread stats --recount puts them right.", file=sys.stderr)
    return 1


def _manifest(given: argparse.Namespace) -> int:
    from bot.commands.help import make_registry
    from bot.slack.manifest import manifest
    from bot.slack.policy import SlackPolicy

    policy = SlackPolicy("", "", (), prefix=given.prefix, app_name=given.name)
    print(json.dumps(manifest(make_registry(given.prefix), policy), indent=2))
    return 0


def _demo(given: argparse.Namespace) -> int:
    try:
        from bot.sandbox.demo import run_demo
    except ModuleNotFoundError as error:
        print(
            f"onethread: the demo needs the extra: pip install 'onethread[demo]' ({error})", file=sys.stderr
        )
        return 1
    return asyncio.run(run_demo(given.port, given.dir))


def _version(given: argparse.Namespace) -> int:
    from bot.app import package_version

    print(package_version())
    return 0


if __name__ == "__main__":
    sys.exit(main())
