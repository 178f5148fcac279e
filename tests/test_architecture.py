"""The layers of docs/ARCHITECTURE.md, read from the imports: nobody knows more than they need.

Every ``import`` counts, those under ``TYPE_CHECKING`` and inside functions too.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 450

NOUNS = (
    "desk",
    "finding",
    "home",
    "linking",
    "macro",
    "merging",
    "privacy",
    "profile",
    "rating",
    "sla",
    "stats",
    "timing",
)
"""Of the interfaces that commands declare, and the core implements."""
FIRST: tuple[str, ...] = (
    *(
        "messages",
        "errors",
        "capabilities",
        "contract",
        "retry",
        "hours",
        "desk",
        "pace",
        "policy",
        "log",
        "languages",
        "peers",
    ),
    *("stats.cells", "stats.figures", "stats.grades"),
    *(
        "clockwork.promises",
        "privacy.keys",
        "privacy.tombstones",
        "merge.cluewords",
        "answering.answer_words",
    ),
    "calendar",
)
LAYERS: tuple[tuple[str, ...], ...] = (
    FIRST,
    ("storage", "blobs", "privacy.journal"),
    (
        *(
            "customers",
            "conversations",
            "relay",
            "replies",
            "outbox",
            "delivery",
            "elsewhere",
            "housekeeping",
        ),
        *("sla", "clockwork", "timing", "answering", "rating", "stats", "charts"),
        *("cases", "identity", "merge", "privacy", "routing"),
        *("commands.types", "commands.nouns", "commands.services", "commands.stats_words"),
        *(f"commands.{noun}_services" for noun in NOUNS),
    ),
    ("commands",),
    ("slack",),
    (
        "app",
        "ports",
        "__main__",
        *(f"settings.policies{part}" for part in ("", "_timing", "_stats", "_ratings")),
    ),
)
CONFIG = ("config", "settings")
OUTSIDE = ("adapters", "sandbox", "web")
PURE = ("messages", "errors", "capabilities", "retry", "hours", "desk", "pace", "policy", "peers")
PURE += ("clockwork.promises", "calendar")
IMPURE = {
    "asyncio",
    "aiohttp",
    "sqlalchemy",
    "socket",
    "sqlite3",
    "asyncpg",
    "subprocess",
    "threading",
    "random",
    "pathlib",
}

VENDORS = {
    "email": {"aioimaplib", "aiosmtplib", "selectolax", "charset_normalizer"},
    "telegram": {"telegram"},
    "x": {"tweepy"},
    "site": {"jwt"},
}
COMMON = {"aiohttp", "pydantic", "structlog", "typing_extensions"}
HOMES = {
    "slack_sdk": ("slack", "sandbox", "app", "__main__"),
    "slack_bolt": ("slack", "app"),
    "sqlalchemy": ("storage", *LAYERS[2], "app"),
    "alembic": ("storage", "app", "__main__"),
    "aioimaplib": ("adapters.email",),
    "aiosmtplib": ("adapters.email", "sandbox"),
    "telegram": ("adapters.telegram",),
    "tweepy": ("adapters.x",),
    "jwt": ("adapters.site",),
    "pymap": ("sandbox",),
    "aiosmtpd": ("sandbox",),
    "yaml": (*CONFIG, "sandbox", "app", "__main__"),
    "holidays": ("calendar.daysoff",),
}
CHANNELS = {"email", "telegram", "x", "site"}


def modules() -> dict[str, Path]:
    """Every module of the bot by its name without ``bot.``; a package by its folder's name."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / "bot").rglob("*.py")):
        parts = path.relative_to(ROOT / "bot").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def absolute(name: str, node: ast.ImportFrom) -> str:
    """The module of a ``from … import``, relative ones resolved."""
    if not node.level:
        return node.module or ""
    package = f"bot.{name}".split(".")
    if MODULES[name].name != "__init__.py":
        package = package[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


@cache
def imports(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """What a module imports: names of the bot's modules (without ``bot.``), and top-level names of everything else."""
    inner: set[str] = set()
    outer: set[str] = set()
    for node in ast.walk(tree(name)):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = absolute(name, node)
            for alias in node.names:
                longer = f"{module}.{alias.name}"
                targets.append(longer if longer.removeprefix("bot.") in MODULES else module)
        for target in targets:
            top, _, rest = target.partition(".")
            if top == "bot":
                inner.add(rest)
            else:
                outer.add(top)
    return frozenset(inner - {name, ""}), frozenset(outer)


def below(name: str, where: str) -> bool:
    """Whether a module is ``where`` or inside it."""
    return name == where or name.startswith(where + ".")


def layer(name: str) -> int | None:
    """The number of a module's layer; the most specific entry counts."""
    best: tuple[int, int] | None = None
    for number, entries in enumerate(LAYERS):
        for entry in entries:
            if below(name, entry) and (best is None or len(entry) > best[0]):
                best = (len(entry), number)
    return best[1] if best else None


@pytest.mark.parametrize("name", [name for name in MODULES if name])
def test_every_module_has_its_place(name: str) -> None:
    placed = layer(name) is not None or any(below(name, where) for where in (*OUTSIDE, *CONFIG))
    assert placed, f"bot/{name} is in no layer: say in docs/ARCHITECTURE.md and here where it belongs"


@pytest.mark.parametrize("name", [name for name in MODULES if layer(name) is not None])
def test_a_module_knows_only_its_layer_and_those_below(name: str) -> None:
    own = layer(name)
    assert own is not None
    for other in imports(name)[0]:
        rank = layer(other)
        if rank is not None:
            assert rank <= own, f"bot/{name} imports {other} of a layer above"
        elif own < len(LAYERS) - 1:
            pytest.fail(f"bot/{name} imports {other}: only app and __main__ may")


@pytest.mark.parametrize("name", [name for name in MODULES if below(name, "adapters")])
def test_an_adapter_knows_the_first_layer_and_its_vendor(name: str) -> None:
    parts = name.split(".")
    home = ".".join(parts[:2])
    inner, outer = imports(name)
    for other in inner:
        assert layer(other) == 0 or below(other, home), f"bot/{name} imports {other}"
    if len(parts) > 1:
        foreign = {lib for lib in outer if not is_standard(lib)} - COMMON - VENDORS[parts[1]]
        assert not foreign, f"bot/{name} imports {foreign}"


@pytest.mark.parametrize("name", [name for name in MODULES if below(name, "sandbox")])
def test_the_stand_ins_know_nothing_of_the_bot(name: str) -> None:
    strange = {other for other in imports(name)[0] if not below(other, "sandbox")}
    assert not strange, (
        f"bot/{name} imports {strange}: a stand-in that shares code with the bot proves nothing"
    )


def test_web_knows_no_core() -> None:
    for name in (name for name in MODULES if below(name, "web")):
        for other in imports(name)[0]:
            assert layer(other) == 0 or below(other, "web"), f"bot/{name} imports {other}"


@pytest.mark.parametrize(
    "name", [name for name in MODULES if any(below(name, one) for one in CONFIG) and layer(name) is None]
)
def test_configuration_is_plain_data(name: str) -> None:
    for other in imports(name)[0]:
        assert any(below(other, one) for one in CONFIG) or layer(other) == 0, f"bot/{name} imports {other}"


@pytest.mark.parametrize("name", [name for name in MODULES if any(below(name, one) for one in PURE)])
def test_pure_modules_do_nothing(name: str) -> None:
    assert not imports(name)[1] & IMPURE


@pytest.mark.parametrize("library", HOMES)
def test_a_library_stays_where_it_belongs(library: str) -> None:
    for name in MODULES:
        if library in imports(name)[1]:
            assert any(below(name, home) for home in HOMES[library]), f"bot/{name} imports {library}"


@pytest.mark.parametrize(
    "name", [name for name in MODULES if not below(name, "adapters") and not below(name, "sandbox")]
)
def test_no_channels_name_decides_anything(name: str) -> None:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Compare):
            constants = {
                c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)
            }
            assert not constants & CHANNELS, (
                f"bot/{name}:{node.lineno} asks which channel it is: use its capabilities"
            )


def test_there_are_no_cycles() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            pytest.fail(" → ".join((*path[path.index(name) :], name)))
        if name in done or name not in MODULES:
            return
        for other in sorted(imports(name)[0]):
            visit(other, (*path, name))
        done.add(name)

    for name in MODULES:
        visit(name, ())


def test_files_stay_short() -> None:
    folders = ("bot", "tests", "benchmarks", "tools")
    long = {
        str(path.relative_to(ROOT)): count
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "versions" not in path.parts  # migrations are history, not code to be read
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long, f"over {LONGEST} lines; cut them at a noun"


def is_standard(library: str) -> bool:
    """Whether a library comes with Python."""
    return library in sys.stdlib_module_names or library == "__future__"
