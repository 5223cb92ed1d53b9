"""The browser's half of a component: many scripts in a folder, sent as one, kept by their version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["BUNDLE", "DRAW_OR_SAY", "FOREVER", "IN_TURN", "SHARED", "Scripts", "none"]

SHARED = Path(__file__).with_name("browser")  # what the scripts of several components import
KINDS = {".js": "text/javascript", ".css": "text/css"}
BUNDLE = "all.js"
FOREVER = {"Cache-Control": "max-age=31536000, immutable"}  # its address names its version
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
SHEET = re.compile(r'^@import "\./(\w+\.css)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)

# For scripts that are no modules of a folder.
IN_TURN = EXPORT.sub("", (SHARED / "turns.js").read_text(encoding="utf-8"))

# What a loader does at last: draw, in its looks.
DRAW = """
  const [scripts] = await Promise.all([coming, styled]);
  return scripts.draw(component);
"""

# The same, or say why it cannot, so that plain widgets take its place: at once, for what keeps the
# scripts away may let the looks wait for ever.
DRAW_OR_SAY = """
  try {
    const [scripts] = await Promise.all([coming, styled]);
    return scripts.draw(component);
  } catch (error) {
    coming = undefined;
    inTurn(() => component.setStateValue("failed", String(error)));
  }
"""

# Scripts and looks are asked for at once, and stay in the browser until they change.
LOADER = """%(in_turn)s
const at = (name) => new URL(`%(place)s/%(version)s/${name}`, location.href).href;
let coming;
%(early)s
export default async function (component) {
  %(ask)s
  coming ??= import(at("%(script)s"));
  const root = component.parentElement;
  let styled;
  if (!root.querySelector("link")) {
    const sheet = document.createElement("link");
    Object.assign(sheet, { rel: "stylesheet", href: at("style.css") });
    styled = new Promise((done) => (sheet.onload = sheet.onerror = done));
    root.append(sheet);
  }
  %(draw)s
}
"""


@dataclass(frozen=True)
class Scripts:
    """The scripts and looks of a folder; `main.js` exports ``draw``.

    Attributes:
        place: the first step of their address, PLACE/VERSION/NAME.
    """

    folder: Path
    place: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(path.name for path in self._files() if path.suffix == ".js")

    def _files(self) -> Iterator[Path]:
        """Its own files in their order, then the shared ones."""
        for folder in (self.folder, SHARED):
            yield from (path for path in sorted(folder.iterdir()) if path.suffix in KINDS)

    def _find(self, name: str) -> Path | None:
        return next((path for path in self._files() if path.name == name), None)

    @property
    def route(self) -> tuple[str, Callable[[Request], Response]]:
        """Where the server answers for them, and by what."""
        return f"/{self.place}/{{version}}/{{name}}", self.answer

    @lru_cache  # noqa: B019  two for as long as the server
    def version(self) -> str:
        """Names what the browser's half is: another where a byte of it is."""
        whole = b"".join(path.read_bytes() for path in self._files())
        return hashlib.sha256(whole).hexdigest()[:16]

    @lru_cache  # noqa: B019
    def bundle(self) -> str:
        """All scripts as one module: a fresh browser would wait for each of them.

        Each becomes a function that is called once and returns what it exports.
        """
        written: list[str] = []
        whole: list[str] = []

        def write(name: str) -> None:
            if name in written:
                return
            written.append(name)
            text = self._known(f"{name}.js").read_text(encoding="utf-8")
            for _, other in IMPORT.findall(text):
                write(other)
            names = ", ".join(EXPORT.findall(text))
            body = EXPORT.sub("", IMPORT.sub(r"const \1 = $\2;", text))
            whole.append(f"const ${name} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();\n")

        write("main")
        return "".join(whole) + "export const draw = $main.draw;\n"

    def loader(
        self,
        *,
        early: str = "",
        ask: str = "",
        draw: str = DRAW,
    ) -> str:
        """What Streamlit sends of the component: it fetches the rest, and calls ``draw``.

        Args:
            early: what is declared beside it; ask: what is asked for at once; draw: the call.
        """
        given = {"place": self.place, "version": self.version(), "script": BUNDLE}
        given["in_turn"] = IN_TURN
        return LOADER % {**given, "early": early, "ask": ask, "draw": draw}

    def answer(self, request: Request) -> Response:
        """A file of the browser's half, or all scripts as one."""
        at = request.path_params
        kept = FOREVER if at["version"] == self.version() else {}
        if at["name"] == BUNDLE:
            return Response(self.bundle(), media_type=KINDS[".js"], headers=kept)
        path = self._find(at["name"])
        if path is None:
            return none("there is no such script")
        return Response(self._whole(path), media_type=KINDS[path.suffix], headers=kept)

    def _whole(self, path: Path) -> str:
        """A file with the looks that it imports in their place: a browser would ask for each."""
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".css":
            return text
        return SHEET.sub(lambda sheet: self._whole(self._known(sheet[1])), text)

    def _known(self, name: str) -> Path:
        path = self._find(name)
        assert path is not None, name
        return path


def none(why: str) -> Response:
    """That there is none, and why."""
    return Response(why, 404, media_type="text/plain")
