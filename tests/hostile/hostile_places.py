"""Hostile names of files, links and folders: each lays what is scored."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

__all__ = ["FOLDERS", "LINKS", "NAMES"]

NAMES: dict[str, str | bytes] = {
    "newline": "a\nerror: all is lost.png",
    "carriage return": "a\rb.png",
    "tab": "a\tb.png",
    "escape": "a\x1b]0;title\a\x1b[31m.png",
    "bell": "\a\a.png",
    "backspace": "safe.exe\b\b\bpng.png",
    "delete": "a\x7f.png",
    "c1 controls": "a\x9b31m\x85.png",
    "right to left": "invoice\u202egnp.png",
    "isolates": "\u2066a\u2069\u200f.png",
    "line separator": "a\u2028b\u2029c.png",
    "zero width": "a\u200b\u200d\ufeff.png",
    "combining": "a" + "\u0301" * 100 + ".png",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469.png",
    "unassigned": "\U000e0001\ue000\U0010ffff.png",
    "latin-1": b"caf\xe9.png",
    "half a letter": b"a\xf0\x9f\x98.png",
    "encoded surrogate": b"a\xed\xa0\x80.png",
    "overlong": b"a\xc0\xaf..\xc0\xaf.png",
    "ones": b"\xff" * 100 + b".png",
    "255 bytes": "n" * 251 + ".png",
    "255 bytes of letters": "\xe9" * 125 + ".png",
    "an option": "--help.png",
    "an option with a value": "--out=x.png",
    "a dash": "-.png",
    "an end of options": "--",
    "spaces": "   .png",
    "trailing space": "a.png ",
    "trailing dot": "a.png.",
    "quotes": "'\"`.png",
    "shell": "$(touch pwned);`x`|&.png",
    "glob": "*?[a-z]{b,c}.png",
    "backslashes": "..\\..\\a.png",
    "percent": "%00%2e%2e%2f%s%n.png",
    "markup": "[bold red]a[x]:warning:.png",
    "emoji code": "scan:100:.png",
    "markdown": "![x](evil.example).png",
    "html": "<img src=x onerror=alert(1)>.png",
    "latex": "$\\frac{a}{b}$.png",
    "formula": "=HYPERLINK(a).png",
    "formula of at": "@SUM(A1).png",
    "json": '","score":1e999,"x":".png',
    "csv": 'a,b;c"d.png',
    "an id of a set": "boxes#0",
    "a number of an array": "a.npy#3.png",
    "a device of Windows": "CON.png",
    "a url": "http:evil.example.png",
    "a target": "tiny.glow.png",
    "no ending": "a",
    "ending alone": ".png",
    "dots": "....png",
    "upper case": "A.PNG",
    "two endings": "a.npy.png",
    "the other ending": "a.png.npy",
    "a zip by name": "a.zip",
    "tilde": "~root.png",
    "null as text": "nul\u2400.png",
    "numbers": "1e999.png",
}

Lay = Callable[[Path, Path], Path]


def _linked(target: str | Callable[[Path, Path], object]) -> Lay:
    def lay(root: Path, picture: Path) -> Path:
        link = root / "link.png"
        link.symlink_to(str(target if isinstance(target, str) else target(root, picture)))
        return link

    return lay


def _ring(length: int) -> Lay:
    def lay(root: Path, picture: Path) -> Path:
        for i in range(length):
            (root / f"{i}.png").symlink_to(f"{(i + 1) % length}.png")
        return root / "0.png"

    return lay


def _chain(length: int) -> Lay:
    def lay(root: Path, picture: Path) -> Path:
        shutil.copy(picture, root / "0.png")
        for i in range(1, length):
            (root / f"{i}.png").symlink_to(f"{i - 1}.png")
        return root / f"{length - 1}.png"

    return lay


def _special(make: Callable[[str], object], name: str = "a.png") -> Lay:
    def lay(root: Path, picture: Path) -> Path:
        make(str(root / name))
        return root / name

    return lay


def _listening(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)


def _sparse(size: int) -> Callable[[str], None]:
    def make(path: str) -> None:
        with open(path, "wb") as file:
            file.truncate(size)

    return make


LINKS: dict[str, Lay] = {
    "to itself": _linked("link.png"),
    "to nowhere": _linked("none.png"),
    "to a folder above": _linked(".."),
    "to a good picture": _linked(lambda root, picture: picture),
    "to zeros without end": _linked("/dev/zero"),
    "to randomness": _linked("/dev/urandom"),
    "to nothing": _linked("/dev/null"),
    "to a terminal": _linked("/dev/tty"),
    "to standard input": _linked("/dev/stdin"),
    "to memory": _linked("/proc/self/mem"),
    "to a file of the system": _linked("/proc/self/environ"),
    "to a file without a size": _linked("/proc/cpuinfo"),
    "to an empty name": _linked("./"),
    "to 4,000 letters": _linked("a/" * 1_900 + "a"),
    "to a name of 300": _linked("n" * 300),
    "to no UTF-8": _linked(os.fsdecode(b"\xff\xfe.png")),
    "ring of 2": _ring(2),
    "ring of 60": _ring(60),
    "chain of 30": _chain(30),
    "chain of 60": _chain(60),
    "hard link": _special(
        lambda path: os.link(Path(path).parent.parent / "good" / "first.png", path)
    ),
    "pipe": _special(os.mkfifo),
    "pipe as array": _special(os.mkfifo, "a.npy"),
    "pipe as archive": _special(os.mkfifo, "a.zip"),
    "pipe as text": _special(os.mkfifo, "a.txt"),
    "socket": _special(_listening, "s.png"),
    "folder as picture": _special(os.mkdir),
    "folder as array": _special(os.mkdir, "a.npy"),
    "folder as archive": _special(os.mkdir, "a.zip"),
    "8 GB of nothing": _special(_sparse(8 * 2**30)),
    "8 GB of an array": _special(_sparse(8 * 2**30), "a.npy"),
    "8 GB of an archive": _special(_sparse(8 * 2**30), "a.zip"),
    "8 EB of nothing": _special(_sparse(2**43)),
}


def _filled(fill: Callable[[Path, Path], object]) -> Lay:
    def lay(root: Path, picture: Path) -> Path:
        folder = root / "folder"
        folder.mkdir()
        fill(folder, picture)
        return folder

    return lay


def _many(folder: Path, picture: Path, count: int, ending: str) -> None:
    for i in range(count):
        os.close(os.open(folder / f"{i}{ending}", os.O_CREAT))


def _deep(folder: Path, picture: Path, depth: int, name: str) -> None:
    """Folders in folders, deeper than a path may be long."""
    here = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(depth):
            os.mkdir(name)
            os.chdir(name)
        shutil.copy(picture, "a.png")
    finally:
        os.chdir(here)


def _woven(folder: Path, picture: Path) -> None:
    """Eight folders each of which links to all, itself and what is above."""
    for i in range(8):
        (folder / f"d{i}").mkdir()
        shutil.copy(picture, folder / f"d{i}/a.png")
        for j in range(8):
            (folder / f"d{i}/l{j}").symlink_to(f"../d{j}")
        (folder / f"d{i}/up").symlink_to("..")


def _of_links(folder: Path, picture: Path) -> None:
    for i in range(300):
        (folder / f"{i}.png").symlink_to("none" if i % 2 else f"{i}.png")


def _of_pipes(folder: Path, picture: Path) -> None:
    os.mkfifo(folder / "a.png")
    os.mkfifo(folder / "b.npy")
    os.mkfifo(folder / "c.txt")
    _listening(str(folder / "s.png"))
    shutil.copy(picture, folder / "d.png")


def _names(folder: Path, picture: Path) -> None:
    """A picture of each name that is no way to somewhere else."""
    for name in NAMES.values():
        shutil.copy(picture, os.path.join(os.fsencode(folder), os.fsencode(name)))


FOLDERS: dict[str, Lay] = {
    "20,000 empty files of text": _filled(lambda f, p: _many(f, p, 20_000, ".txt")),
    "1,000 empty pictures": _filled(lambda f, p: _many(f, p, 1_000, ".png")),
    "3,000 kinds": _filled(lambda f, p: [_many(f, p, 1, f".k{i}") for i in range(3_000)]),
    "long kinds": _filled(lambda f, p: _many(f, p, 5, "." + "k" * 200)),
    "3,000 empty folders": _filled(lambda f, p: [(f / f"{i}").mkdir() for i in range(3_000)]),
    "deeper than a path": _filled(lambda f, p: _deep(f, p, 30, "n" * 200)),
    "600 folders deep": _filled(lambda f, p: _deep(f, p, 600, "d")),
    "links to each other": _filled(_woven),
    "a link to itself": _filled(lambda f, p: (f / "l").symlink_to("l")),
    "a link to the folder": _filled(lambda f, p: (f / "l").symlink_to(".")),
    "a link to the one above": _filled(lambda f, p: (f / "l").symlink_to("..")),
    "links to nowhere": _filled(_of_links),
    "a link to devices": _filled(lambda f, p: (f / "l").symlink_to("/dev")),
    "pipes and sockets": _filled(_of_pipes),
    "hidden files alone": _filled(lambda f, p: shutil.copy(p, f / ".a.png")),
    "every name": _filled(_names),
    "nothing": _filled(lambda f, p: None),
    "a folder called as a picture": _filled(
        lambda f, p: ((f / "a.png").mkdir(), shutil.copy(p, f / "a.png/b.png"))
    ),
    "no permission": _filled(lambda f, p: ((f / "x").mkdir(0), shutil.copy(p, f / "b.png"))),
}
