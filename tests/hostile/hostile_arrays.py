"""Hostile arrays and archives: names to bytes, the same at every run."""

from __future__ import annotations

import io
import struct
import zipfile
from functools import cache

import numpy as np
from hostile_images import png_of, saved
from hostile_zeros import Zeros, archive_of

__all__ = ["archives", "arrays", "head_of", "npy_of"]

# Arrays -----------------------------------------------------------------------------------------


def npy_of(head: str, data: bytes = b"", *, version: tuple[int, int] = (1, 0)) -> bytes:
    text = head.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def head_of(shape: str, descr: str = "'|u1'", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def _array(array: np.ndarray, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _npys() -> dict[str, bytes]:
    good = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    data, whole = good.tobytes(), _array(good)
    shapes = {
        "negative": "(-1, 28, 28)", "all-negative": "(-2, -28, -28)", "nothing": "(0, 28, 28)",
        "scalar": "()", "flat": "(1568,)", "huge": "(2, 100000000, 100000000)",
        "wraps": "(4294967296, 4294967296, 1)", "beyond-64-bits": f"({10**30}, 28, 28)",
        "digits": f"({'9' * 5000}, 28, 28)", "float": "(2.0, 28, 28)", "nan": "(float('nan'), 28)",
        "text": "('2', 28, 28)", "true": "(True, 28, 28)", "ten": "(1,1,1,1,1,1,1,1,1,28)",
        "hundred": "(" + "1," * 100 + ")", "list": "[2, 28, 28]", "none": "None",
        "line": "(1, 1, 60000)", "column": "(1, 60000, 1)", "one": "(1, 1, 1)",
        "five-channels": "(2, 28, 28, 5)", "two-channels": "(1, 28, 28, 2)",
        "4-billion-pictures": "(4294967295, 1, 1)", "million-pictures": "(2000000, 1, 1)",
    }  # fmt: skip
    types = {
        "object": "'|O'", "text": "'<U9'", "bytes": "'|S9'", "none": "None", "nothing": "''",
        "date": "'<M8[ns]'", "complex": "'<c16'", "void": "'|V1'", "big": "'>u2'", "bool": "'|b1'",
        "signed": "'|i1'", "half": "'<f2'", "long": "'<f16'", "records": "[('a', '|u1')]",
        "nested": "[('a', [('b', '|O')])]", "wide": "'|V999999999'", "number": "7",
        "unknown": "'zz'", "subarray": "('|u1', (28, 28))", "call": "__import__('os')",
        "name": "\"'; drop\"",
    }  # fmt: skip
    found = {f"shape-{n}.npy": npy_of(head_of(s), data) for n, s in shapes.items()}
    found |= {f"type-{n}.npy": npy_of(head_of("(2, 28, 28)", t), data) for n, t in types.items()}
    found |= {f"cut-{e}.npy": whole[: len(whole) * e // 8] for e in range(1, 8)}
    found |= {
        "empty.npy": b"",
        "magic.npy": b"\x93NUMPY",
        "version-9.npy": npy_of(head_of("(2, 28, 28)"), data, version=(9, 9)),
        "version-3.npy": npy_of(head_of("(2, 28, 28)"), data, version=(3, 0)),
        "version-0.npy": npy_of(head_of("(2, 28, 28)"), data, version=(0, 0)),
        "head-of-4-gb.npy": b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + b"{",
        "head-of-1-mb.npy": npy_of("{" + " " * 2**20 + "}", version=(2, 0)),
        "head-of-nothing.npy": npy_of(""),
        "head-unclosed.npy": npy_of("{'descr': '|u1', "),
        "head-deep.npy": npy_of("(" * 9_000),
        "head-deep-list.npy": npy_of(head_of("[" * 4_000 + "]" * 4_000)),
        "head-deep-minus.npy": npy_of(head_of("(" + "-" * 9_000 + "1,)")),
        "head-unknown-key.npy": npy_of("{'descr':'|u1','fortran_order':False,'shape':(1,),'x':1}"),
        "head-twice.npy": npy_of(head_of("(2, 28, 28), 'shape': (1, 28, 28)"), data),
        "head-code.npy": npy_of("__import__('os').system('touch /tmp/pwned')"),
        "head-zero-byte.npy": npy_of(head_of("(2, 28, \0 28)"), data),
        "order-text.npy": npy_of(head_of("(2, 28, 28)", order="'yes'"), data),
        "order-fortran.npy": npy_of(head_of("(2, 28, 28)", order="True"), data),
        "longer.npy": whole + bytes(10_000),
        "pickled.npy": _array(np.array([{"a": 1}, None], dtype=object), allow_pickle=True),
        "floats-nan.npy": _array(np.full((2, 28, 28), np.nan)),
        "floats-inf.npy": _array(np.full((2, 28, 28), np.inf, np.float32)),
        "integers.npy": _array(np.zeros((2, 28, 28), np.int64)),
        "picture.npy": saved("PNG"),
        "pickle.npy": b"\x80\x04cos\nsystem\n(S'touch /tmp/pwned'\ntR.",
    }
    return found


def _npzs() -> dict[str, bytes]:
    good = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    array, whole = _array(good), _npz(a=good, b=good)
    objects = _array(np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return {
        "good-and-text.npz": archive_of({"a.npy": array, "readme.txt": b"hello"}),
        "good-and-objects.npz": archive_of({"a.npy": array, "b.npy": objects}),
        "good-and-cut.npz": archive_of({"a.npy": array, "b.npy": array[:300]}),
        "good-and-huge.npz": archive_of(
            {"a.npy": array, "b.npy": npy_of(head_of("(9, 99999, 99999)"))}
        ),
        "bomb.npz": archive_of({"a.npy": Zeros(90_000_000, npy_of(head_of("(90, 1000, 1000)")))}),
        "million-names.npz": archive_of({f"{i}.npy": b"" for i in range(3_000)}),
        "nothing.npz": archive_of({}),
        "folder.npz": archive_of({"a/": b""}),
        "upwards.npz": archive_of({"../../evil.npy": array, "/etc/evil.npy": array}),
        "same-name-twice.npz": archive_of([("a.npy", array), ("a.npy", array)]),
        "long-name.npz": archive_of({"n" * 60_000 + ".npy": array}),
        "steering-name.npz": archive_of({"a\x1b[31m\n.npy": array, "b.npy": objects}),
        "cut.npz": whole[: len(whole) // 2],
        "cut-tail.npz": whole[:-30],
        "flipped.npz": whole[:100] + bytes([whole[100] ^ 255]) + whole[101:],
        "encrypted.npz": _with_flag(whole, 1),
        "lone-array.npz": array,
        "empty.npz": b"",
        "lzma.npz": archive_of({"a.npy": array}, zipfile.ZIP_LZMA),
        "bz2.npz": archive_of({"a.npy": array}, zipfile.ZIP_BZIP2),
        "inner.npz": archive_of({"a.npz": whole}),
    }


# Archives ---------------------------------------------------------------------------------------


def _with_flag(data: bytes, flag: int) -> bytes:
    """An archive all of whose entries have a flag, in their own heads and in the directory."""
    junk = bytearray(data)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := junk.find(mark, at + 1)) >= 0:
            junk[at + place] |= flag
    return bytes(junk)


def _of_kind(mode: int, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo("a.png")
        entry.create_system, entry.external_attr = 3, mode << 16
        archive.writestr(entry, content)
    return stream.getvalue()


def _claiming(data: bytes, size: int) -> bytes:
    """An archive whose directory says that each file unpacks to another size."""
    junk, at = bytearray(data), -1
    while (at := junk.find(b"PK\1\2", at + 1)) >= 0:
        junk[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(junk)


@cache
def archives() -> dict[str, bytes]:
    png = saved("PNG")
    plain = archive_of({"a.png": png, "b.png": png})
    inner = archive_of({"a.png": png})
    names = {
        "upwards": "../../../tmp/evil.png", "absolute": "/tmp/evil.png", "drive": "C:\\evil.png",
        "unc": "\\\\evil.example\\share\\a.png", "newline": "a\nerror: all is lost.png",
        "escape": "a\x1b]0;title\a\x1b[31m.png", "right-to-left": "a\u202egnp.png",
        "markdown": "![x](http://evil.example/a.png).png", "markup": "<img src=x onerror=y>.png",
        "formula": "=HYPERLINK(1).png", "long": "n" * 60_000 + ".png", "dots": "....png",
        "option": "--help.png", "latex": "$\\frac{1}{0}$.png", "surrogate": "a\ufffd.png",
        "spaces": "   .png", "device": "CON.png", "deep": "d/" * 5_000 + "a.png",
        "only-ending": "x/.png", "number": "a.png#3.png",
    }  # fmt: skip
    found = {f"name-{n}.zip": archive_of({name: png, "b.png": png}) for n, name in names.items()}
    return found | {
        "empty.zip": b"",
        "nothing.zip": archive_of({}),
        "folders.zip": archive_of({"a/": b"", "b/c/": b""}),
        "nested.zip": archive_of({"a.zip": inner, "b.png": png}),
        "nested-100.zip": _nested(inner, 100),
        "bomb-of-zeros.zip": archive_of({"a.png": Zeros(500_000_000), "b.png": png}),
        "bomb-of-many.zip": archive_of(
            {f"{i}.png": Zeros(2**20) for i in range(300)} | {"b.png": png}
        ),
        "bomb-of-pixels.zip": archive_of(
            {f"{i}.png": png_of(3_000, 3_000, pixels=bytes(3_001 * 3_000)) for i in range(3)}
        ),
        "overlapping.zip": _overlapping(png),
        "20001-files.zip": archive_of({f"{i}.png": b"" for i in range(20_001)}),
        "5000-files-of-text.zip": archive_of({f"{i}.t{i}": b"x" for i in range(5_000)}),
        "encrypted.zip": _with_flag(plain, 1),
        "strong-encrypted.zip": _with_flag(plain, 65),
        "link.zip": _of_kind(0o120777, b"/etc/passwd"),
        "pipe.zip": _of_kind(0o010666, b""),
        "device.zip": _of_kind(0o020666, b""),
        "claims-4-gb.zip": _claiming(plain, 2**32 - 1),
        "claims-nothing.zip": _claiming(plain, 0),
        "same-names.zip": archive_of([("a.png", png)] * 3),
        "cut.zip": plain[: len(plain) // 2],
        "cut-tail.zip": plain[:-10],
        "remark.zip": plain[:-2] + struct.pack("<H", 20) + b"PK\5\6" * 5,
        "two-ends.zip": plain + plain[-22:],
        "junk-before.zip": b"junk" + plain,
        "flipped.zip": plain[:60] + bytes([plain[60] ^ 255]) + plain[61:],
        "no-utf8.zip": _with_flag(
            archive_of({"caf\xe9.png": png}).replace("é".encode(), b"\xe9x"), 0
        ),
        "text.zip": b"no archive",
        "picture.zip": png,
        "gzip.zip": b"\x1f\x8b\x08" + bytes(60),
        "7z.zip": b"7z\xbc\xaf\x27\x1c" + bytes(60),
        "bz2.zip": archive_of({"a.png": png}, zipfile.ZIP_BZIP2),
        "macos.zip": archive_of({"__MACOSX/._a.png": b"x", ".DS_Store": b"x", "a.png": png}),
        "array-bomb.zip": archive_of(
            {"a.npy": Zeros(3 * 10**8, npy_of(head_of("(300, 1000, 1000)")))}
        ),
        "offset-beyond.zip": plain[:-6] + struct.pack("<I", 2**32 - 2) + plain[-2:],
    }


def _nested(inner: bytes, times: int) -> bytes:
    for _ in range(times):
        inner = archive_of({"a.zip": inner})
    return inner


def _overlapping(png: bytes) -> bytes:
    """An archive whose entries all lie in the same bytes."""
    junk, at, heads = bytearray(archive_of({f"{i}.png": png for i in range(50)})), -1, []
    while (at := junk.find(b"PK\1\2", at + 1)) >= 0:
        heads.append(at)
    for head in heads:
        junk[head + 42 : head + 46] = struct.pack("<I", 0)
    return bytes(junk)


@cache
def arrays() -> dict[str, bytes]:
    """All arrays, and archives of arrays."""
    return _npys() | _npzs()
