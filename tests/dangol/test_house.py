"""The rules of structure that no linter checks: rooms are small and say what they are for, names are unique."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import FOLDERS, ROOT

ROOM_LIMIT = 14
"""Modules in one folder, its ``__init__.py`` not counted."""
TEMPLATE_LINE_LIMIT = 160
GENERIC = re.compile(r"(utils?|helpers?|manager|misc|common|base)\.py")


def modules(stage: str = "") -> Iterator[Path]:
    for name in (stage,) if stage else FOLDERS:
        yield from sorted((ROOT / name).rglob("*.py"))


def classes(module: Path) -> Iterator[str]:
    for node in ast.parse(module.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name


@pytest.mark.parametrize("stage", FOLDERS)
def test_a_class_name_means_one_thing_inside_a_stage(stage: str) -> None:
    where = defaultdict(list)
    for module in modules(stage):
        for name in classes(module):
            where[name].append(str(module.relative_to(ROOT)))
    assert {name: places for name, places in where.items() if len(places) > 1} == {}


def test_no_room_is_crowded() -> None:
    sizes = Counter(str(module.parent.relative_to(ROOT)) for module in modules() if module.stem != "__init__")
    assert len(sizes) > 40
    assert {room: size for room, size in sizes.items() if size > ROOM_LIMIT} == {}


def test_every_room_says_what_it_is_for() -> None:
    doors = [module for module in modules() if module.name == "__init__.py"]
    assert {module.parent for module in modules()} == {door.parent for door in doors}
    silent = [
        str(door) for door in doors if len(ast.get_docstring(ast.parse(door.read_text("utf-8"))) or "") < 20
    ]
    assert silent == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(module) for module in modules() if not ast.get_docstring(ast.parse(module.read_text("utf-8")))
    ]
    assert silent == []


def test_a_file_is_named_after_a_noun() -> None:
    assert [str(module) for module in modules() if GENERIC.fullmatch(module.name)] == []


def test_lines_of_templates_can_be_read() -> None:
    templates = sorted(path for stage in FOLDERS for path in (ROOT / stage).rglob("*.html"))
    assert len(templates) > 40
    long = [
        f"{template.relative_to(ROOT)}:{number}"
        for template in templates
        for number, line in enumerate(template.read_text("utf-8").splitlines(), 1)
        if len(line) > TEMPLATE_LINE_LIMIT
    ]
    assert long == []


def test_tests_share_helpers_by_one_path() -> None:
    """A test module that imports another one runs it twice."""
    imported = re.compile(
        r"^\s*from (?:tests\.(?!support)[\w.]*|)test_\w+ import|^\s*import test_", re.MULTILINE
    )
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    assert [str(test) for test in tests if imported.search(test.read_text("utf-8"))] == []


def words_of_the_glossary() -> set[str]:
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "GLOSSARY.md").read_text("utf-8"), re.MULTILINE)
    return {word.strip() for row in rows for word in row.split(",")} - {"word", "---"}


FIELD = """visitor visit event order campaign variant impression click conversion attribution holdout lift segment
cohort channel touchpoint offset partition consumer batch spool index scan cache registry checkpoint candidate ranking
embedding"""


@pytest.mark.parametrize("word", ["dead letter", *FIELD.split()])
def test_the_glossary_defines_the_words_of_the_field(word: str) -> None:
    assert word in words_of_the_glossary()


PRIVATE = re.compile(
    r"(?i)\b(trails?|walks?|shelf|shelves|passersby|learner|chains|tally|tallies|arrange|propose|guesses|flight)\b"
)


def test_modules_have_the_fields_names() -> None:
    """Words that only we understood, and that the glossary's replaced."""
    named = [
        str(module.relative_to(ROOT)) for module in modules() if PRIVATE.search(module.stem.replace("_", " "))
    ]
    assert named == []
    called = [
        f"{module.relative_to(ROOT)}: {name}"
        for module in modules()
        for name in classes(module)
        if PRIVATE.search(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    ]
    assert called == []


@pytest.mark.parametrize(
    "document", ["CONTRIBUTING.md", "README.md", *(f"docs/{name}.md" for name in ("counting", "offers"))]
)
def test_files_that_documents_name_are_there(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    named = set(re.findall(rf"`((?:{'|'.join((*FOLDERS, 'tests', 'docs', 'bench'))})/[\w./-]+\.\w+)`", text))
    assert document != "CONTRIBUTING.md" or len(named) > 30
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def text_of(module: Path) -> str:
    return module.read_text("utf-8")


def test_lengths_of_time_stand_in_one_module() -> None:
    """Numbers that are an hour, a day or a week; the demo shop knows nothing of ours."""
    length = re.compile(r"\b(?:3_?600_?000|86_?400(?:_?000)?|604_?800(?:_?000)?)\b(?!\")")
    elsewhere = [
        str(module.relative_to(ROOT))
        for module in modules()
        if module.name != "durations.py" and "shop" not in module.parts and length.search(text_of(module))
    ]
    assert elsewhere == []


def test_who_does_not_answer_now_is_one_exception() -> None:
    """One base holds the remedy; what is unavailable is told by thin subclasses."""
    own = [
        str(module.relative_to(ROOT))
        for module in modules()
        if re.search(r"class \w+\((?:Exception|\w*Error)\)", text_of(module))
        and "self.retry_after" in text_of(module)
    ]
    assert own == ["tracker/unavailable.py"]
    unlike = re.compile(r"class (\w+Unavailable)\b(?!\(Unavailable\))")
    named = {name for module in modules() for name in unlike.findall(text_of(module))}
    assert named == set()


def test_no_page_takes_all_stores() -> None:
    whole = [
        str(module.relative_to(ROOT))
        for module in modules("web")
        if re.search(r"^from web\.stores import .*\bStores\b", text_of(module), re.MULTILINE)
    ]
    assert whole == ["web/app.py", "web/desk/blueprints.py"]


CALLED_BY_LIBRARIES = {
    *("connection_made", "data_received", "connection_lost"),  # asyncio
    *("on_partitions_assigned", "on_partitions_revoked", "on_partitions_lost"),  # kafka-python
    *("_init_shared_socket", "_drop_shared_socket"),  # granian
    "get_translations",  # flask-babel
    *("handle_starttag", "handle_endtag", "handle_data", "handle_comment"),  # html.parser
}
FOR_THE_CONTRACT_SUITE = {"remake"}
"""What a backend in memory can do and a real one does by its own tools."""


def test_nothing_is_there_for_tests_alone() -> None:
    """A function or class whose name stands nowhere else in the product is called by tests or by nobody."""
    texts = {module: text_of(module) for module in modules()}
    templates = [text_of(path) for stage in FOLDERS for path in (ROOT / stage).rglob("*.html")]
    words = Counter(word for text in (*texts.values(), *templates) for word in re.findall(r"\w+", text))
    alone = {
        node.name
        for text in texts.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and words[node.name] == 1
        and not node.decorator_list
        and not node.name.startswith("__")
    }
    assert alone == CALLED_BY_LIBRARIES | FOR_THE_CONTRACT_SUITE
