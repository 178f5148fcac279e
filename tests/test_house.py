"""The house around the code: locks, metadata, one command to test, nothing that only this machine knows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("run", "demo", "dev", "build")
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+?))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
EXTRAS = {"run": ("postgres",), "demo": ("postgres", "demo"), "dev": ("postgres", "demo", "dev")}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> dict[str, set[str]]:
    """Every package of a lock and its versions (several where they depend on the platform)."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8").splitlines():
        if match := PIN.fullmatch(line):
            found.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return found


def tracked() -> list[Path]:
    """The files that git knows; in an unpacked archive, all files."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode == 0:
        return [ROOT / name for name in done.stdout.decode().split("\0") if name]
    hidden = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    return [p for p in ROOT.rglob("*") if p.is_file() and not hidden & set(p.parts)]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_a_pin_or_its_hash(lock: str) -> None:
    lines = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8").splitlines()
    assert lines
    for number, line in enumerate(lines, 1):
        if PIN.fullmatch(line):
            following = lines[number] if number < len(lines) else ""
            assert HASH.fullmatch(following), f"{lock}.lock:{number}: a pin without a hash"
        else:
            assert HASH.fullmatch(line), (
                f"{lock}.lock:{number}: {line!r} is neither a pin nor a hash (an address?)"
            )


@pytest.mark.parametrize("lock", EXTRAS)
def test_a_lock_holds_what_pyproject_asks_for(lock: str) -> None:
    metadata = project()["project"]
    asked = [*metadata["dependencies"]]
    for extra in EXTRAS[lock]:
        asked += metadata["optional-dependencies"][extra]
    held = pins(lock)
    for text in asked:
        requirement = Requirement(text)
        versions = held.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement.name} is not in {lock}.lock: run `make lock`"
        assert all(requirement.specifier.contains(Version(v)) for v in versions), (
            f"{text} against {versions} in {lock}.lock"
        )


def test_what_is_tested_is_what_runs() -> None:
    """The same pins everywhere: the developer's lock holds the demo's, and the demo's holds the bot's."""
    for small, large in (("run", "demo"), ("demo", "dev"), ("build", "demo")):
        inner, outer = pins(small), pins(large)
        assert {name: outer.get(name) for name in inner} == inner, f"{small}.lock and {large}.lock disagree"


def test_the_builder_is_pinned_in_one_version() -> None:
    (asked,) = project()["build-system"]["requires"]
    assert asked in (ROOT / "requirements" / "build.in").read_text(encoding="utf-8").splitlines()
    assert pins("build")["hatchling"] == {asked.partition("==")[2]}


def test_the_licence_is_the_whole_gpl() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007" in text
    assert "How to Apply These Terms to Your New Programs" in text
    assert project()["project"]["license"] == "GPL-3.0-or-later"


def test_the_package_and_the_changelog_have_one_version() -> None:
    newest = re.search(
        r"^## \[(?!Unreleased)([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M
    )
    assert newest is None or newest[1] == project()["project"]["version"]


def test_nothing_names_a_registry_or_somebodys_folders() -> None:
    hosts = [
        ".".join(words)
        for words in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
    ]
    homes = [
        "/" + "/".join(words) + "/" for words in (("work", "main"), ("work", "shared"), ("Users",), ("root",))
    ]
    for path in tracked():
        if path.suffix in {".png", ".jpg", ".gif", ".ico", ".woff2"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for word in (*hosts, *homes):
            assert word not in text, f"{path.relative_to(ROOT)} names {word}"


def test_links_between_documents_lead_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), (
                f"{path.relative_to(ROOT)} links to {link}, which is not there"
            )


def test_every_make_target_is_explained() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, re.M)) - {"help"}
    assert targets == {"demo", "run", "test", "lint", "bench", "screenshots", "image", "lock", "clean"}
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=_plain()
    )
    assert set(re.findall(r"^make (\w+)", shown.stdout, re.M)) == targets


def test_the_image_says_what_is_missing_where_there_is_no_docker(tmp_path: Path) -> None:
    for tool in ("sh", "make"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    done = subprocess.run(
        [tmp_path / "make", "-s", "image"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=_plain() | {"PATH": str(tmp_path)},
    )
    assert done.returncode != 0
    assert "docker is not installed" in done.stdout


@pytest.mark.parametrize(
    "script", [".ci/run", "tools/venv", "tools/apt", "tools/system-packages", "tools/lock"]
)
def test_scripts_are_sound(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    shell = path.read_text(encoding="utf-8").partition("\n")[0].rpartition("/")[2].split()[-1]
    subprocess.run([shell, "-n", path], check=True, capture_output=True)


def test_a_missing_python_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "venv", tmp_path / "tools" / "venv")
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in ("dirname", "cmp", "sh", "rm"):
        (programs / tool).symlink_to(shutil.which(tool) or "")
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)
    done = subprocess.run(
        [programs / "sh", "tools/venv", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(programs)},
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed and none was found" in done.stderr


def test_the_build_server_requires_the_specs() -> None:
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "ONETHREAD_REQUIRE_SPECS=1" in text and "make test" in text


def test_the_image_is_built_from_the_lock_and_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert len(re.findall(r"^FROM ", text, re.M)) == 2
    assert "--require-hashes" in text and "requirements/run.lock" in text
    assert re.search(r"^USER \d+", text, re.M), (
        "a numeric user, so that a cluster can see that it is not root"
    )
    assert "/healthz" in text and 'ENTRYPOINT ["onethread"]' in text
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M))
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in " ".join(copied).split():
        assert f"!{name.rstrip('/')}" in allowed, f"{name} is copied, and .dockerignore keeps it out"


def _plain() -> dict[str, str]:
    """The environment without what an outer make hands down."""
    return {
        k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
    }


def _pretend(folder: Path, name: str, script: str) -> None:
    """A program of ours in the place of one of the system's."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_packages_are_installed_with_one_update_where_they_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to(shutil.which("sh") or "")
    _pretend(
        tmp_path,
        "apt-get",
        f'echo "$1 $DEBIAN_FRONTEND" >> {tmp_path}/calls\n[ "$1" = update ] && : > {tmp_path}/lists\n[ -e {tmp_path}/lists ]',
    )
    for _ in range(2):
        subprocess.run(
            [ROOT / "tools" / "apt", "chromium"], env={"PATH": str(tmp_path)}, check=True, capture_output=True
        )
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["install", "update", "install", "install"]
    assert all(call.endswith(" noninteractive") for call in calls)


@pytest.mark.parametrize("browser", [True, False])
def test_a_missing_browser_is_named_and_stops_nothing(tmp_path: Path, browser: bool) -> None:
    for tool in ("sh", "dirname", "cat", "id"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    if browser:
        _pretend(tmp_path, "chromium", "exit 0")
    done = subprocess.run(
        [tmp_path / "sh", ROOT / "tools" / "system-packages"],
        env={"PATH": str(tmp_path), "ONETHREAD_NO_APT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("missing: chromium" in done.stderr) is not browser


def test_nothing_is_installed_twice(tmp_path: Path) -> None:
    for name in ("tools", "requirements", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "venv", tmp_path / "tools" / "venv")
    for name in ("pyproject.toml", "requirements/demo.lock", "requirements/dev.lock"):
        (tmp_path / name).write_text(name)
    _pretend(tmp_path / ".venv" / "bin", "python", f'[ "$1" = -c ] || echo "$*" >> {tmp_path}/calls')

    def installs(lock: str) -> int:
        (tmp_path / "calls").write_text("")
        subprocess.run(["sh", "tools/venv", lock], cwd=tmp_path, check=True, capture_output=True)
        calls = (tmp_path / "calls").read_text().splitlines()
        assert not calls or f"--require-hashes --requirement requirements/{lock}.lock" in calls[0]
        return len(calls)

    assert installs("demo") == 2
    assert installs("demo") == 0
    assert installs("dev") == 2
    assert installs("demo") == 0, "what tests need holds what the demo needs"
    (tmp_path / "requirements" / "dev.lock").write_text("newer")
    assert installs("dev") == 2
    (tmp_path / "pyproject.toml").write_text("newer")
    assert installs("dev") == 2
    assert installs("dev") == 0
