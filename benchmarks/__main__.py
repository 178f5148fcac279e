"""``python -m benchmarks NAME|all``."""

from __future__ import annotations

import argparse
import asyncio
import sys

from benchmarks import find, history, home, relay, sla, slackcall, stats, ws

COMMANDS = {
    "relay": (relay.main, "goals 1 and 2: a durable relay against one without persistence"),
    "ws": (ws.main, "goals 4 and 5: what an idle chat holds, what a durable chat message costs"),
    "history": (history.main, "goal 6: a page of a customer's history, of few and of many messages"),
    "find": (find.main, "words in 1,000,000 messages"),
    "sla": (sla.main, "100,000 open clocks: the next that is due, and 1,000 broken promises of one minute"),
    "home": (home.main, "the Home tab, pickers and next on 10,000 open conversations"),
    "stats": (stats.main, "goal 7: /stats against plain SQL, and equal to it"),
    "slackcall": (slackcall.main, "goal 8: a Slack call of ours against raw aiohttp under TLS"),
}


def main() -> int:
    """Runs one benchmark, or all."""
    parser = argparse.ArgumentParser(
        "benchmarks", epilog="; ".join(f"{k}: {v[1]}" for k, v in COMMANDS.items())
    )
    parser.add_argument("name", choices=[*COMMANDS, "all"])
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds, floor and bot in turn (at least 5 for a figure)"
    )
    given = parser.parse_args()
    for name in COMMANDS if given.name == "all" else [given.name]:
        asyncio.run(COMMANDS[name][0](given.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
