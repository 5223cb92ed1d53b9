"""What docstrings of `core` owe their readers, read off its sources.

For what `__all__` offers, functions and classes with their public methods:

1. There is a docstring. A method that overrides one of the house's adds to that one's, `__init__`,
   `forward` and `__call__` to their class's, and a property of one line needs none.
2. Every parameter is named in it, as a word (`keep_weights` as "keep weights" too, "images" as
   "image" too); `a` and `i`, which are words, in backticks, before a colon, or before a shape. A
   parameter that is a class of the house says what it is by its type.
3. After the name of an array, in the same sentence, comes its shape, such as (N, C, H, W); and
   what returns an array says a shape, or that it has the same. The shape of a field may stand in
   the comment on its line.
4. `Raises:` names every exception that the body raises itself, or a class above it; that a method
   is left to who overrides it need not be said.
5. Verbs of the command line keep 1 alone: their docstring is the help that users see, and
   what they raise is a line on standard error, as of all of them.
6. Functions are no longer than 40 lines, and those of nn, evaluate, explain and inference have an
   `Example:` with a number in what it prints; so have the classes that are no mere records.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

import core

ROOT = Path(core.__file__).parent.parent
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): (
        path.read_text(encoding="utf-8")
    )
    for path in sorted((ROOT / "core").rglob("*.py"))
}
WITH_EXAMPLES = ("core.nn", "core.evaluate", "core.explain", "core.inference")
LONGEST = 40
GENERAL = (Exception, BaseException, object)

ARRAY = re.compile(r"\b(Tensor|ndarray)\b")
ANSWERS = re.compile(r"^Annotated\[|(Option|Argument)$")  # to the command line
SIZE = r"[\w.*/+|\-\[\]']+(?: [*+/|] [\w'|]+)*"
SHAPE = re.compile(rf"\({SIZE},(?: ?{SIZE},?)*\)|(?<!\w)\(\d*\)|(?:same|any) shape|scalar")
SENTENCE_END = re.compile(r"\.(?=\s|$)|\n\s*\n")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def classes() -> dict[str, ast.ClassDef]:
    """The classes of `core`, by name."""
    return {
        node.name: node
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    }


@dataclass(frozen=True)
class Documented:
    """A public function, method or class, and the docstring that speaks for it."""

    name: str
    node: Function | ast.ClassDef
    doc: str
    needed: bool = True


def offered(tree: ast.Module) -> list[str]:
    """The names in `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def documented(tree: ast.Module) -> Iterator[Documented]:
    """Everything public that is defined in a module."""
    names = offered(tree)
    for node in tree.body:
        if isinstance(node, Function) and node.name in names:
            yield Documented(node.name, node, ast.get_docstring(node) or "")
        elif isinstance(node, ast.ClassDef) and node.name in names:
            yield Documented(node.name, node, ast.get_docstring(node) or "")
            yield from _methods(node)


def _methods(owner: ast.ClassDef) -> Iterator[Documented]:
    whole = ast.get_docstring(owner) or ""
    for node in owner.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield Documented(f"{owner.name}.{node.name}", node, ast.get_docstring(node) or "")
            continue
        if not isinstance(node, Function):
            continue
        own, name = ast.get_docstring(node) or "", f"{owner.name}.{node.name}"
        docs = [own, *_inherited(owner, node.name)]
        if node.name in ("__init__", "forward", "__call__"):
            yield Documented(name, node, "\n\n".join([*docs, whole, *_above(owner)]))
        elif not node.name.startswith("_"):
            needed = not _is_plain_property(node)
            yield Documented(name, node, "\n\n".join(docs), needed=needed)


def _parents(owner: ast.ClassDef) -> Iterator[ast.ClassDef]:
    """The classes of `core` that a class is one of, nearest first."""
    for base in owner.bases:
        if parent := classes().get(ast.unparse(base).partition("[")[0].rpartition(".")[2]):
            yield parent
            yield from _parents(parent)


def _above(owner: ast.ClassDef) -> list[str]:
    return [ast.get_docstring(parent) or "" for parent in _parents(owner)]


def _inherited(owner: ast.ClassDef, method: str) -> list[str]:
    """The docstrings of the methods that this one overrides."""
    return [
        ast.get_docstring(node) or ""
        for parent in _parents(owner)
        for node in parent.body
        if isinstance(node, Function) and node.name == method
    ]


def _is_plain_property(node: Function) -> bool:
    decorators = {ast.unparse(d).rpartition(".")[2] for d in node.decorator_list}
    return bool(decorators & {"property", "cached_property"}) and len(node.body) == 1


def parameters(node: Function) -> list[tuple[str, str]]:
    """Names and annotations of what a caller gives."""
    a = node.args
    every = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    return [
        (one.arg, ast.unparse(one.annotation) if one.annotation else "")
        for one in every
        if one.arg not in ("self", "cls") and not one.arg.startswith("_")
    ]


def prose(doc: str) -> str:
    """A docstring without its example, whose code names and shapes what it likes."""
    return doc.partition("Example:")[0]


def mentions(doc: str, name: str) -> Iterator[re.Match[str]]:
    """Where a docstring names a parameter."""
    word = re.escape(name).replace("_", r"[_\s]+")
    if name in ("a", "i"):
        return re.finditer(rf"`{name}`|\b{name}(?=:|,[^.]*?:| \()", doc)
    if len(name) == 1:
        return re.finditer(rf"\b{name}\b", doc)
    word = word.removesuffix("s") if len(name) > 3 else word
    return re.finditer(rf"(?<![\w.]){word}(?:e?s)?\b", doc, re.IGNORECASE)


def has_shape(doc: str, name: str) -> bool:
    """Whether a shape follows the name before its sentence ends."""
    for match in mentions(doc, name):
        rest = doc[match.end() :]
        end = SENTENCE_END.search(rest)
        if SHAPE.search(rest[: end.start()] if end else rest):
            return True
    return False


def raised(node: Function, tree: ast.Module) -> set[str]:
    """Exceptions that leave a body that raises them itself, and not in functions within.

    Typer's exits are none.
    """
    makers = {n.name: n.returns for n in tree.body if isinstance(n, Function)}
    return {
        name
        for name in _leaving(node.body)
        for name in [ast.unparse(makers[name]) if makers.get(name) else name]
        if not name.startswith("typer.") and name.rpartition(".")[2][0].isupper()
    }


def _leaving(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """What is called or named after `raise` and not caught here."""
    for one in nodes:
        if isinstance(one, Function | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(one, ast.Raise) and one.exc is not None:
            yield ast.unparse(one.exc.func if isinstance(one.exc, ast.Call) else one.exc)
        if isinstance(one, ast.Try):
            caught = {n.id for h in one.handlers for n in ast.walk(h.type or h) if _is_name(n)}
            yield from (e for e in _leaving(one.body) if not caught & set(_with_those_above(e)))
            yield from _leaving([*one.handlers, *one.orelse, *one.finalbody])
        else:
            yield from _leaving(ast.iter_child_nodes(one))


def _is_name(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name)


def faults(source: str) -> list[str]:
    """What is amiss with the docstrings of a module, a line each."""
    tree, rows = ast.parse(source), source.splitlines()
    lines: list[str] = []
    for one in documented(tree):
        if not one.doc.strip():
            if one.needed:
                lines.append(f"{one.name} has no docstring")
            continue
        one = replace(one, doc=prose(one.doc))
        if isinstance(one.node, Function):
            if any(ANSWERS.search(annotation) for _, annotation in parameters(one.node)):
                continue
            said = [*_unnamed(one), *_shapeless(one), *_unsaid_raises(one, tree)]
            lines += [f"{one.name}: {fault}" for fault in said]
        else:
            lines += [f"{one.name}: {fault}" for fault in _shapeless_fields(one, rows)]
    return lines


def _unnamed(one: Documented) -> Iterator[str]:
    for name, annotation in parameters(one.node):
        own = annotation.removesuffix(" | None") in classes()
        if not own and not any(mentions(one.doc, name)):
            yield f"does not name {name}"


def _shapeless(one: Documented) -> Iterator[str]:
    for name, annotation in parameters(one.node):
        if ARRAY.search(annotation) and not has_shape(one.doc, name):
            yield f"gives no shape of {name}"
    returns = one.node.returns
    if returns is not None and ARRAY.search(ast.unparse(returns)) and not SHAPE.search(one.doc):
        yield "gives no shape of what it returns"


def _shapeless_fields(one: Documented, rows: list[str]) -> Iterator[str]:
    for node in one.node.body:
        if isinstance(node, ast.AnnAssign) and ARRAY.search(ast.unparse(node.annotation)):
            name, comment = ast.unparse(node.target), rows[node.lineno - 1].partition("#")[2]
            said = has_shape(one.doc, name) or SHAPE.search(comment)
            if not name.startswith("_") and not said:
                yield f"gives no shape of {name}"


def _unsaid_raises(one: Documented, tree: ast.Module) -> Iterator[str]:
    said = set(re.findall(r"\w+", one.doc.partition("Raises:")[2]))
    if ast.unparse(one.node.body[-1]).startswith("raise NotImplementedError"):
        return  # left to who overrides it
    for name in sorted(name.rpartition(".")[2] for name in raised(one.node, tree)):
        if not said & set(_with_those_above(name)):
            yield f"does not say that it raises {name}"


def _with_those_above(error: str) -> Iterator[str]:
    """An exception's name and those of the classes that it is one of, but for the most general."""
    yield error
    if error in classes():
        for base in classes()[error].bases:
            yield from _with_those_above(ast.unparse(base).rpartition(".")[2])
    elif isinstance(known := getattr(builtins, error, None), type):
        yield from (above.__name__ for above in known.__mro__ if above not in GENERAL)


def too_long(source: str) -> list[str]:
    """Functions over 40 lines, from `def` to the last."""
    tree = ast.parse(source)
    return [
        f"{node.name} has {length} lines"
        for node in ast.walk(tree)
        if isinstance(node, Function)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST
    ]


def without_example(source: str) -> list[str]:
    """Public functions and classes whose docstring shows no number."""
    tree = ast.parse(source)
    names = offered(tree)
    return [
        node.name
        for node in tree.body
        if isinstance(node, Function | ast.ClassDef)
        and node.name in names
        and not _is_record(node)
        and not _shows_a_number(ast.get_docstring(node) or "")
    ]


def _is_record(node: ast.AST) -> bool:
    """A dataclass, schema, exception or protocol: it holds, and computes nothing by itself."""
    if not isinstance(node, ast.ClassDef):
        return False
    bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
    decorated = any("dataclass" in ast.unparse(d) for d in node.decorator_list)
    plain = bases & {"NamedTuple", "Protocol", "Enum", "BaseModel"}
    return decorated or bool(plain) or any(b.endswith(("Error", "Exception")) for b in bases)


def _shows_a_number(doc: str) -> bool:
    printed = [
        line
        for line in doc.partition("Example:")[2].splitlines()
        if not line.lstrip().startswith((">>>", "..."))
    ]
    return ">>>" in doc.partition("Example:")[2] and bool(re.search(r"\d", "\n".join(printed)))


def all_said(rule: Callable[[str], list[str]], sources: Mapping[str, str]) -> dict[str, list[str]]:
    """What a rule has against modules, by their names; of those that keep it, nothing."""
    found = {module: rule(source) for module, source in sources.items()}
    return {module: lines for module, lines in found.items() if lines}


def test_docstrings_name_parameters_shapes_and_exceptions() -> None:
    assert all_said(faults, SOURCES) == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    assert all_said(too_long, SOURCES) == {}


def test_what_computes_shows_an_example_with_numbers() -> None:
    computing = {m: source for m, source in SOURCES.items() if m.startswith(WITH_EXAMPLES)}
    assert len(computing) > 20
    assert all_said(without_example, computing) == {}


# Whether the rules bite --------------------------------------------------------------------------

KEPT = '''
__all__ = ["Gap", "area", "command"]

class Gap(nn.Module):
    """Distance of codes (N, D) to a centre (D,); `size` is D.

    Raises:
        ValueError: there is no number.
    """

    middle: Tensor  # (D,)

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(size)

    def forward(self, codes: Tensor) -> Tensor:
        return codes

    @property
    def size(self) -> int:
        return 1

def area(scores: np.ndarray, *, keep_ties: bool, m: float, query: Metrics) -> np.ndarray:
    """Areas (N,) of scores (N,), with `m` added; keep ties or break them.

    Raises:
        OSError: a file is not there.
        NoMap: there is none.

    Example:
        >>> area(1)
        0.5
    """
    try:
        raise ValueError(m)
    except (ValueError, KeyError) as error:
        raise _failed(m) from error
    raise FileNotFoundError

def command(target: TargetArgument, out: Annotated[str, typer.Option(help="File.")]) -> None:
    """Do it."""
    raise OSError

def _failed(m: float) -> NoMap:
    raise KeyError
'''


def test_a_module_that_keeps_every_rule_has_no_faults() -> None:
    assert faults(KEPT) == []
    assert too_long(KEPT) == []
    assert without_example(KEPT) == ["Gap", "command"]


@pytest.mark.parametrize(
    ("kept", "broken", "fault"),
    [
        ('    """Do it."""\n', "", "command has no docstring"),
        ("return 1\n", "n = 1\n        return n\n", "Gap.size has no docstring"),
        ("; `size` is D", "", "Gap.__init__: does not name size"),
        ("    def forward(", "    def inverse(", "Gap.inverse has no docstring"),
        ("keep ties or", "keep them or", "area: does not name keep_ties"),
        ("`m` added", "a little added", "area: does not name m"),
        ("query: Metrics", "query: str", "area: does not name query"),
        ("scores (N,)", "scores", "area: gives no shape of scores"),
        ("scores (N,), with", "scores. They are (N,), with", "area: gives no shape of scores"),
        ("codes (N, D) to a centre (D,)", "codes to a centre",
         "Gap.forward: gives no shape of codes"),
        ("Tensor  # (D,)", "Tensor", "Gap: gives no shape of middle"),
        ("scores: np.ndarray, *", "scores: str, *", None),
        ("Areas (N,) of scores (N,)", "Areas of scores", "area: gives no shape of what it returns"),
        ("        OSError: a file is not there.\n", "",
         "area: does not say that it raises FileNotFoundError"),
        ("except (ValueError, ", "except (TypeError, ",
         "area: does not say that it raises ValueError"),
        ("        NoMap: there is none.\n", "", "area: does not say that it raises NoMap"),
        ("    Raises:\n        ValueError:", "    ValueError:",
         "Gap.__init__: does not say that it raises ValueError"),
    ],
)  # fmt: skip
def test_a_docstring_that_breaks_a_rule_is_caught(
    kept: str, broken: str, fault: str | None
) -> None:
    assert kept in KEPT
    said = faults(KEPT.replace(kept, broken, 1))
    assert fault in said if fault else said == []


def test_a_method_may_leave_its_docstring_to_the_base_that_it_overrides() -> None:
    child = '__all__ = ["Mine"]\nclass Mine(Detector):\n    """One."""\n    def score(self, x): ...'
    assert faults(child) == []
    assert faults(child.replace("Detector", "Stranger")) == ["Mine.score has no docstring"]


@pytest.mark.parametrize(("lines", "said"), [(39, []), (40, ["f has 41 lines"])])
def test_a_function_of_over_forty_lines_is_caught(lines: int, said: list[str]) -> None:
    assert too_long("def f():\n" + "    x = 1\n" * lines) == said


@pytest.mark.parametrize(
    "broken",
    [KEPT.replace("        0.5\n", "        x\n"), KEPT.replace("Example:", "For instance:")],
    ids=["without a number", "without an example"],
)
def test_an_example_without_numbers_is_caught(broken: str) -> None:
    assert "area" in without_example(broken)
