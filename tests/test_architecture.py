"""The house's own rules, read off its sources: who may import whom, and what no file does."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from conftest import Tiny

import core

ROOT = Path(core.__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "core").rglob("*.py"))
}
PAGES = sorted((ROOT / "pages").rglob("*.py"))

# A module imports only what stands on a lower rank, or in its own package. The longest name counts.
RANKS = {
    "core": 0,  # the package itself holds the version
    "core.errors": 0,
    "core.shape": 0,
    "core.registry": 0,
    "core.settings": 1,
    "core.cache": 0,
    "core.files": 1,
    "core.npz": 2,
    "core.nn": 1,
    "core.evaluate": 0,  # numpy only, and cards hold its figures
    "core.notebook": 2,
    "core.atlas": 0,  # likewise, but for what lays out
    "core.detectors": 2,
    "core.config": 3,
    "core.data": 3,
    "core.schema": 3,
    "core.lectures": 4,
    "core.scenario": 4,
    "core.card": 3,
    "core.checkpoint": 4,
    "core.results": 4,
    "core.tables": 3,
    "core.numerals": 0,
    "core.printable": 0,
    "core.report": 6,
    "core.inference": 5,
    "core.explain": 5,
    "core.founding": 5,
    "core.train": 6,
    "core.studies": 7,
    "core.answers": 8,
    "core.scale": 9,
    "core.service": 9,
    "core.bench": 10,
    "core.console": 9,
    "core.verbs": 11,
    "core.__main__": 12,
}

# What the served process never loads: together they cost 500 MB and ten seconds. With torch's
# compiler comes sympy.
HEAVY = ("umap", "lightning", "torchvision", "captum", "timm", "pandas", "sklearn", "ray", "sympy")


@cache
def parsed(path: Path) -> ast.Module:
    """A source, read once for all rules."""
    return ast.parse(path.read_text(encoding="utf-8"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports relatively"
            assert node.module
            for alias in node.names:  # "from core import service" imports core.service
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def place(module: str) -> str:
    """The entry of RANKS that a module falls under."""
    while module not in RANKS:
        module = module.rpartition(".")[0]
        assert module, "add the new part of core to RANKS"
    return module


def wrong_arrows(module: str, path: Path) -> list[str]:
    """Imports of core that point up or sideways."""
    mine, found = place(module), []
    for name in imports(path):
        if not name.startswith("core"):
            continue
        other = place(name)
        if RANKS[other] >= RANKS[mine] and other != mine:
            found.append(f"{module} ({mine}) imports {name} ({other})")
    return found


def test_every_part_of_core_has_a_rank_here() -> None:
    assert [m for m in MODULES if m.count(".") == 1 and m not in RANKS] == []


def test_arrows_point_downward() -> None:
    assert [line for m, path in MODULES.items() for line in wrong_arrows(m, path)] == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core.nn.flow", "from core.detectors._base import Batch"),
        ("core.data.stream", "import core.scenario"),
        ("core.checkpoint", "from core import scenario"),
        ("core.inference.scoring", "def f():\n    from core.train.loop import fit"),
        ("core.detectors.glow", "if True:\n    import core.service as s"),
        ("core.results", "from core.studies.outskirts import Ablation"),
        ("core.studies._cells", "from core.bench._base import Row"),
        ("core.evaluate.bootstrap", "from core.inference.scoring import parts_of"),
    ],
)
def test_an_arrow_that_points_up_or_sideways_is_caught(
    tmp_path: Path, module: str, line: str
) -> None:
    file = tmp_path / "planted.py"
    file.write_text(line)
    assert len(wrong_arrows(module, file)) == 1


def test_metrics_need_numpy_alone() -> None:
    found = set(imports(MODULES["core.evaluate.metrics"]))
    assert found <= {"__future__", "dataclasses", "typing", "collections.abc", "numpy"}


# A bench that is a visitor of the server speaks as browsers do: by the messages, no more of it.
SPEAKS = {"core.bench._visitor": "streamlit.proto."}


def test_core_knows_nothing_of_streamlit_and_plotly() -> None:
    for module, path in MODULES.items():
        spoken = SPEAKS.get(module, " ")
        roots = {n.partition(".")[0] for n in imports(path) if not n.startswith(spoken)}
        assert not roots & {"streamlit", "plotly", "pages"}, module


def beyond_the_service(page: Path) -> set[str]:
    """What a page imports that only `core` behind its service may."""
    never = {"torch", "safetensors", "lightning", "captum"}
    return {
        name
        for name in imports(page)
        for root in [name.partition(".")[0]]
        if root in never or (root == "core" and name != "core.service")
    }


def test_pages_know_of_core_its_service_alone_and_nothing_of_torch() -> None:
    assert {named(page): found for page in PAGES if (found := beyond_the_service(page))} == {}


def test_a_page_that_knows_more_is_caught(tmp_path: Path) -> None:
    file = tmp_path / "planted.py"
    file.write_text("from core import service\nimport core.card\ndef f():\n    import torch.nn")
    assert beyond_the_service(file) == {"core.card", "torch.nn"}


def lossy_pictures(path: Path) -> list[int]:
    """The lines where a page shows a picture without saying that it is kept to the pixel."""
    calls = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "image"
        if not any(keyword.arg == "output_format" for keyword in call.keywords)
    ]


def test_no_page_shows_a_picture_as_jpeg() -> None:
    assert {named(page): found for page in PAGES if (found := lossy_pictures(page))} == {}


def test_a_page_that_shows_one_is_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text("st.image(a)\nbeside.image(b, output_format='PNG')\n", "utf-8")
    assert lossy_pictures(page) == [1]


def test_pages_hold_no_answers_themselves() -> None:
    """Streamlit's caches copy at every hit, or know nothing of bytes and of files."""
    held = re.compile(r"\b(cache_data|cache_resource)\b")
    assert [named(page) for page in PAGES if held.search(page.read_text("utf-8"))] == []


# Every file -------------------------------------------------------------------------------------


def public_names(tree: ast.Module) -> list[str]:
    """Names without a leading underscore that a module defines or imports at its top."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    return [name for name in names if not name.startswith("_")]


def declared(tree: ast.Module) -> list[str] | None:
    """The names in __all__, or None."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["__all__"]:
            return ast.literal_eval(node.value)
    return None


def wrong_offer(tree: ast.Module, *, package: bool = False) -> str:
    """What is amiss with the __all__ of a module, or nothing."""
    names, offered = public_names(tree), declared(tree)
    if package and not names:
        return ""
    if not offered:
        return "no __all__"
    if len(offered) != len(set(offered)):
        return "offers something twice"
    return "" if set(offered) <= set(names) else "offers what it does not have"


def test_a_module_says_what_it_offers_and_offers_what_it_says() -> None:
    said = {
        module: wrong_offer(parsed(path), package=path.name == "__init__.py")
        for module, path in MODULES.items()
        if module != "core.__main__"
    }
    assert {module: wrong for module, wrong in said.items() if wrong} == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("x = 1", "no __all__"),
        ("__all__ = ['x', 'x']\nx = 1", "offers something twice"),
        ("__all__ = ['x', 'y']\nx = 1", "offers what it does not have"),
        ("__all__ = ['x']\nx = 1", ""),
    ],
)
def test_a_module_that_offers_wrongly_is_caught(text: str, wrong: str) -> None:
    assert wrong_offer(ast.parse(text)) == wrong


def out_of_order(text: str, tree: ast.Module) -> list[str]:
    """What no file has, where one has it."""
    found = [
        f"star import in line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]
    found += [
        f"print in line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    if (lines := len(text.splitlines())) > 450:
        found.append(f"{lines} lines")
    return found if ast.get_docstring(tree) else [*found, "no docstring"]


def test_no_file_has_star_imports_prints_or_over_450_lines() -> None:
    said = {
        named(path): out_of_order(path.read_text("utf-8"), parsed(path))
        for path in [*MODULES.values(), *PAGES]
        if path != MODULES["core.nn"]
    }
    assert {name: wrong for name, wrong in said.items() if wrong} == {}


def test_a_file_out_of_order_is_caught() -> None:
    text = "from os import *\nprint(1)\n" + "x = 1\n" * 449
    said = ["star import in line 1", "print in line 2", "451 lines", "no docstring"]
    assert out_of_order(text, ast.parse(text)) == said


# /proc is ASCII everywhere; all else is UTF-8 whatever the locale, and whole, by core.files.
READ_PROC = {"core.bench._browser", "core.train.card"}


def texts_opened(tree: ast.Module) -> list[int]:
    """Lines that read or write text, or write bytes, by themselves."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            texts = [*node.args, *(k.value for k in node.keywords)]
            modes = [a.value for a in texts if isinstance(a, ast.Constant)]
            writes = name == "open" and any(set(str(mode)) & set("wax+") for mode in modes)
            text = name == "open" and isinstance(node.func, ast.Name) and "rb" not in modes
            if writes or text or name in ("read_text", "write_text", "write_bytes"):
                if isinstance(node.func, ast.Name) and name == "read_text":
                    continue  # that of core.files
                found.append(node.lineno)
    return found


def test_files_are_read_and_written_by_core_files_alone() -> None:
    others = sorted(set(MODULES) - READ_PROC - {"core.files"})
    opened = {module: texts_opened(parsed(MODULES[module])) for module in others}
    assert {module: lines for module, lines in opened.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "path.read_text()",
        "path.write_text('x')",
        "path.write_bytes(b'x')",
        "path.open('w', newline='')",
        "path.open(mode='a')",
        "open(path)",
    ],
)
def test_a_file_opened_in_the_encoding_of_the_machine_is_caught(line: str) -> None:
    assert texts_opened(ast.parse(line)) == [1]
    assert texts_opened(ast.parse("path.open('rb'); Image.open(x); read_text(path)")) == []


# The served process -----------------------------------------------------------------------------

SERVED = """
import sys
from core import service
from core.data.picture import png
from core.service import AcrossQuery, GalleryQuery, ImageQuery, LatentQuery, LikelihoodsQuery
from core.service import NearQuery, Target

target = Target("tiny", "glow")
service.warm_up()
assert service.ask(service.OverviewQuery("tiny")).detectors[0].card is not None
assert service.ask(LikelihoodsQuery(target, "strokes")).parts
assert service.ask(ImageQuery(target, "strokes", 3)).maps
assert len(service.ask(GalleryQuery(target, ("boxes",), "total", "strangest", 5)).images) == 5
view = service.ask(LatentQuery(target))
here, there = view.indices[0], min(set(range(96)) - set(view.indices[view.which == 0]))
assert service.ask(NearQuery(ImageQuery(target, "boxes", int(here)))).row == 0
assert service.ask(NearQuery(ImageQuery(target, "boxes", int(there)))).row is None
own = png(service.pictures_of("tiny", [("strokes", 3)])[0])
assert len(service.ask(NearQuery(ImageQuery(target, "own", None)), own).rows) == 10
assert service.ask(service.MethodsQuery(target)).methods
assert service.ask(service.MapQuery(ImageQuery(target, "strokes", 3), fault=1)).mask.any()
assert service.ask(service.PlantedQuery(ImageQuery(target, "boxes", 3))).change
assert len(service.ask(AcrossQuery("tiny", ("glow",), tuple(view.keys.tolist()))).labels) == 64
assert service.ask(AcrossQuery("tiny", ("glow",)), own).scores["glow"].shape == (1,)
loaded = {name.partition(".")[0] for name in sys.modules}
assert "torch" in loaded
sys.stdout.write(" ".join(sorted(loaded & set(sys.argv[1:]))))
"""


@pytest.mark.slow
def test_answering_the_pages_loads_no_training_and_no_plotting_package(
    tiny_scenario: Tiny,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVED, *HEAVY, "streamlit", "plotly"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_importing_the_service_alone_does_not_even_load_torch() -> None:
    code = "import sys, core.service; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
