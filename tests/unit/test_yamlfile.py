"""The reader under app.yaml: lines, references and problems, apart from any model."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr

from bot.errors import ConfigError
from bot.settings.modelcheck import check, nearest
from bot.settings.yamlfile import Document, FromEnvironment, read, written


def parsed(tmp_path: Path, text: str, **environ: str) -> Document:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return read(path, environ)


def test_every_key_knows_its_line(tmp_path: Path) -> None:
    document = parsed(tmp_path, "# one\na:\n  b: 1\n\n  c:\n  - x\n  - y: 2\n")
    assert document.data == {"a": {"b": 1, "c": ["x", {"y": 2}]}}
    assert document.lines[("a", "b")] == 3
    assert document.lines[("a", "c", 1, "y")] == 7
    assert document.line(("a", "c", 1, "missing")) == 7
    assert document.line(("nowhere",)) is None


def test_a_key_is_written_as_people_write_it() -> None:
    assert written(("a", "b", 2, "c")) == "a.b[2].c"


def test_merged_mappings_are_followed(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a: &a {host: x, port: 1}\nb:\n  <<: *a\n  port: 2\n")
    assert document.data["b"] == {"host": "x", "port": 2}
    assert document.problems == []


def test_only_a_whole_reference_is_from_the_environment(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a: ${N}\nb: x${N}\nc: ${N:-d}\nd: ${M:-d}\ne: $${N}\n", N="v")
    kinds = {key: (value, type(value) is FromEnvironment) for key, value in document.data.items()}
    assert kinds == {
        "a": ("v", True),
        "b": ("xv", False),
        "c": ("v", True),
        "d": ("d", False),
        "e": ("${N}", False),
    }
    assert document.raw[("b",)] == "x${N}"


def test_an_empty_default_is_a_value(tmp_path: Path) -> None:
    document = parsed(tmp_path, 'a: "${N:-}"\n')
    assert document.data == {"a": ""} and document.problems == []


def test_a_value_is_filled_in_once(tmp_path: Path) -> None:
    assert parsed(tmp_path, "a: ${N}\n", N="${M}", M="no").data == {"a": "${M}"}


@pytest.mark.parametrize(
    "text", ["a: \x00", "a: !!python/object:os.system x", "a: [1, 2", "a: b: c", "--- 1\n--- 2\n"]
)
def test_what_is_not_yaml_is_said(tmp_path: Path, text: str) -> None:
    document = parsed(tmp_path, text)
    with pytest.raises(ConfigError, match=r"a\.yaml(:\d+)?: this is not YAML"):
        document.fail()


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path, {}).fail()


def test_the_first_problem_of_a_key_is_its_cause(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a:\n  b: ${N}\n")
    document.add(("a", "b"), "too short")
    document.add(("a",), "wrong")
    document.add(("c",), "missing")
    assert [problem.key for problem in document.problems] == [("a", "b"), ("c",)]


class Leaf(BaseModel):
    """One way."""

    size: int
    key: SecretStr = SecretStr("")


class Tree(BaseModel):
    """Settings whose parts may be of several kinds."""

    part: Leaf | list[Leaf] | None = Field(None, description="a leaf, or several")
    named: dict[str, Leaf] = Field(default_factory=dict)
    also_called: int = Field(1, alias="alias")


def test_locations_of_unions_lead_to_the_files_keys(tmp_path: Path) -> None:
    document = parsed(
        tmp_path, "part:\n- size: 1\n- size: big\nnamed:\n  oak: {size: tall, seize: 1}\nalias: many\n"
    )
    assert check(document, Tree, document.data) is None
    assert {(written(p.key), p.line) for p in document.problems} >= {
        ("part[1].size", 3),
        ("named.oak.size", 5),
        ("named.oak.seize", 5),
        ("alias", 6),
    }


def test_what_fits_is_returned(tmp_path: Path) -> None:
    document = parsed(tmp_path, "part: {size: 3}\nalias: 4\n")
    tree = check(document, Tree, document.data)
    assert tree is not None and isinstance(tree.part, Leaf)
    assert (tree.part.size, tree.also_called) == (3, 4)


def test_nearest_ignores_case_and_hyphens() -> None:
    assert nearest("Slack-Chanel", ["slack_channel", "name"]) == "slack_channel"
    assert nearest("support_mial", ["support-mail"]) == "support-mail"
    assert nearest("zzz", ["name"]) is None


def test_cures_are_sentences(tmp_path: Path) -> None:
    document = parsed(tmp_path, "part: 3\nnamed:\n  oak: {}\n")
    check(document, Tree, document.data)
    assert {p.cure for p in document.problems} == {"A leaf, or several.", "Add a line size: …"}


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    document = parsed(tmp_path, 'part: {size: 1, key: ""}\n')
    assert check(document, Tree, document.data) is not None
