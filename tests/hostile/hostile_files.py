"""Hostile image files, arrays and archives: names to bytes, the same at every run."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

__all__ = ["ARCHIVES", "ARRAYS", "IMAGES"]


def _picture(mode: str = "L", size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A picture of some mode that is not flat."""
    width, height = size
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (height, width, 3), np.uint8)
    colours[: height // 2] //= 4
    image = Image.fromarray(colours)
    if mode == "I;16":
        return Image.fromarray((np.asarray(image.convert("L")).astype(np.uint16)) * 257)
    if mode in ("RGBA", "LA", "PA"):
        image = image.convert("RGBA" if mode != "LA" else "LA")
        image.putalpha(Image.linear_gradient("L").resize(size))
        return image
    return image.convert(mode)


def _saved(kind: str, mode: str = "L", **options: object) -> bytes:
    stream = io.BytesIO()
    _picture(mode).save(stream, kind, **options)
    return stream.getvalue()


def _frames(kind: str, **options: object) -> bytes:
    more = [_picture("RGB", (40, 30)).rotate(90 * i) for i in range(1, 4)]
    return _saved(kind, "RGB", save_all=True, append_images=more, **options)


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


# Whole files of every format --------------------------------------------------------------------

WHOLE: dict[str, Callable[[], bytes]] = {
    "grey.png": lambda: _saved("PNG"),
    "colour.png": lambda: _saved("PNG", "RGB"),
    "alpha.png": lambda: _saved("PNG", "RGBA"),
    "grey-alpha.png": lambda: _saved("PNG", "LA"),
    "palette.png": lambda: _saved("PNG", "P"),
    "palette-alpha.png": lambda: _saved("PNG", "P", transparency=bytes(range(256))),
    "bits.png": lambda: _saved("PNG", "1"),
    "deep.png": lambda: _saved("PNG", "I;16"),
    "moving.png": lambda: _frames("PNG"),
    "grey.jpg": lambda: _saved("JPEG"),
    "colour.jpg": lambda: _saved("JPEG", "RGB", exif=_exif(6)),
    "several-scans.jpg": lambda: _saved("JPEG", "RGB", progressive=True),
    "inks.jpg": lambda: _saved("JPEG", "CMYK"),
    "several.mpo": lambda: _frames("MPO"),
    "grey.bmp": lambda: _saved("BMP"),
    "colour.bmp": lambda: _saved("BMP", "RGB"),
    "alpha.bmp": lambda: _saved("BMP", "RGBA"),
    "bits.bmp": lambda: _saved("BMP", "1"),
    "still.gif": lambda: _saved("GIF"),
    "moving.gif": lambda: _frames("GIF", loop=0),
    "plain.tif": lambda: _saved("TIFF"),
    "inks.tif": lambda: _saved("TIFF", "CMYK"),
    "deep.tif": lambda: _saved("TIFF", "I;16"),
    "float.tif": lambda: _saved("TIFF", "F"),
    "lab.tif": lambda: _saved("TIFF", "LAB"),
    "lzw.tif": lambda: _saved("TIFF", "RGB", compression="tiff_lzw"),
    "deflate.tif": lambda: _saved("TIFF", "RGB", compression="tiff_adobe_deflate"),
    "jpeg.tif": lambda: _saved("TIFF", "RGB", compression="jpeg"),
    "fax.tif": lambda: _saved("TIFF", "1", compression="group4"),
    "pages.tif": lambda: _frames("TIFF"),
    "lossy.webp": lambda: _saved("WEBP", "RGB"),
    "lossless.webp": lambda: _saved("WEBP", "RGBA", lossless=True),
    "moving.webp": lambda: _frames("WEBP"),
    "bits.pbm": lambda: _saved("PPM", "1"),
    "grey.pgm": lambda: _saved("PPM"),
    "colour.ppm": lambda: _saved("PPM", "RGB"),
    "float.pfm": lambda: _saved("PPM", "F"),
}
EIGHTHS = (1, 3, 5, 7)


def _cut_and_flipped() -> dict[str, bytes]:
    """Each whole file as it is, cut at eighths, and with bytes turned at random."""
    found: dict[str, bytes] = {}
    for number, (name, make) in enumerate(WHOLE.items()):
        data = found[f"whole-{name}"] = make()
        for eighth in EIGHTHS:
            found[f"cut-{eighth}-{name}"] = data[: len(data) * eighth // 8]
        rng = np.random.default_rng(number)
        for part, (start, stop) in (("head", (4, 64)), ("rest", (64, len(data)))):
            junk = bytearray(data)
            for at in rng.integers(start, max(start + 1, min(stop, len(data))), 6):
                junk[min(at, len(junk) - 1)] ^= int(rng.integers(1, 256))
            found[f"flipped-{part}-{name}"] = bytes(junk)
    return found


# Heads that claim what is not there -------------------------------------------------------------


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _png(
    width: int,
    height: int,
    *,
    bits: int = 8,
    colour: int = 0,
    pixels: bytes = b"",
    more: bytes = b"",
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = zlib.compress(pixels or b"\0" * 64)
    chunks = _chunk(b"IHDR", head) + more + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _tiff(tags: list[tuple[int, int, int, int]], data: bytes = b"\0" * 64, more: int = 0) -> bytes:
    """A TIFF whose tags are (number, type, count, value); its pixels begin at 8."""
    body = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags))
    for number, kind, count, value in sorted(tags):
        body += struct.pack("<HHII", number, kind, count, value)
    return body + struct.pack("<I", more)


def _grey_tiff(width: int, height: int, **changed: int) -> bytes:
    tags = {
        256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 64,
    }  # fmt: skip
    tags |= {int(key[1:]): value for key, value in changed.items()}
    return _tiff([(number, 4, 1, value & 0xFFFFFFFF) for number, value in tags.items()])


def _gif(width: int, height: int, frame: tuple[int, int, int, int]) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"," + struct.pack("<HHHHB", *frame, 0) + b"\x02\x02D\x01\0;"


def _bmp(width: int, height: int, *, bits: int = 8, packing: int = 0, offset: int = 1078) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, offset) + head + bytes(1024 + 64)


def _webp(width: int, height: int) -> bytes:
    bits = 0x2F | (width - 1) << 8 | (height - 1) << 22
    body = b"VP8L" + struct.pack("<I", 16) + struct.pack("<Q", bits) + bytes(8)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _jpeg(width: int, height: int) -> bytes:
    """A whole JPEG whose head claims other sides."""
    data = bytearray(_saved("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def _text_bomb(kind: bytes, prefix: bytes) -> bytes:
    return _png(8, 8, more=_chunk(kind, prefix + zlib.compress(bytes(50_000_000))))


def _claims() -> dict[str, bytes]:
    huge = 65_535
    found = {
        "claims-4-gb.png": _png(2**16, 2**16),
        "claims-2-31.png": _png(2**31 - 1, 2**31 - 1),
        "claims-2-32.png": _png(2**32 - 1, 1),
        "claims-nothing.png": _png(0, 0),
        "claims-17-bits.png": _png(8, 8, bits=17),
        "claims-colour-9.png": _png(8, 8, colour=9),
        "claims-palette-without.png": _png(8, 8, colour=3),
        "line-60000.png": _png(60_000, 1, pixels=bytes(60_001)),
        "column-60000.png": _png(1, 60_000, pixels=bytes(120_000)),
        "one-pixel.png": _png(1, 1, pixels=b"\0\x80"),
        "39-megapixels.png": _png(6_000, 6_500, pixels=bytes(6_001 * 6_500)),
        "39-megapixels-colour.png": _png(6_000, 6_500, colour=2, pixels=bytes(18_001 * 6_500)),
        "text-bomb.png": _text_bomb(b"zTXt", b"k\0\0"),
        "profile-bomb.png": _text_bomb(b"iCCP", b"k\0\0"),
        "international-bomb.png": _text_bomb(b"iTXt", b"k\0\1\0\0\0"),
        "no-end.png": _png(8, 8, pixels=bytes(72))[:-12],
        "two-heads.png": _png(
            8, 8, more=_chunk(b"IHDR", struct.pack(">IIBBBBB", 9**9, 9, 8, 0, 0, 0, 0))
        ),
        "chunk-of-2-gb.png": _png(8, 8)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT",
        "million-frames.png": _png(
            8, 8, pixels=bytes(72), more=_chunk(b"acTL", struct.pack(">II", 10**6, 0))
        ),
        "junk-exif.png": _png(
            8, 8, pixels=bytes(72), more=_chunk(b"eXIf", b"MM\0*" + b"\xff" * 40)
        ),
        "chroma-of-nothing.png": _png(8, 8, pixels=bytes(72), more=_chunk(b"tRNS", b"")),
        "claims-4-gb.bmp": _bmp(huge, huge),
        "upside-down.bmp": _bmp(8, -8),
        "negative-width.bmp": _bmp(-8, 8),
        "most-negative.bmp": _bmp(8, -(2**31)),
        "rle.bmp": _bmp(8, 8, packing=1),
        "unknown-packing.bmp": _bmp(8, 8, packing=99),
        "offset-beyond.bmp": _bmp(8, 8, offset=2**32 - 1),
        "3-bits.bmp": _bmp(8, 8, bits=3),
        "claims-4-gb.gif": _gif(huge, huge, (0, 0, huge, huge)),
        "frame-beyond.gif": _gif(8, 8, (60_000, 60_000, 4, 4)),
        "frame-of-nothing.gif": _gif(8, 8, (0, 0, 0, 0)),
        "no-screen.gif": _gif(0, 0, (0, 0, 4, 4)),
        "no-end.gif": _gif(8, 8, (0, 0, 8, 8))[:-2],
        "claims-16384.webp": _webp(16_384, 16_384),
        "one-pixel.webp": _webp(1, 1),
        "claims-4-gb.jpg": _jpeg(huge, huge),
        "claims-nothing.jpg": _jpeg(0, 0),
        "line.jpg": _jpeg(huge, 1),
        "segments-of-nothing.jpg": b"\xff\xd8" + b"\xff\xe0\0\0" * 1000,
        "segments-of-two.jpg": b"\xff\xd8" + b"\xff\xfe\0\2" * 100_000 + _saved("JPEG")[2:],
        "claims-4-gb.ppm": b"P5 65536 65536 255\n" + bytes(64),
        "claims-more.ppm": b"P6 " + b"9" * 5_000 + b" 2 255\n" + bytes(64),
        "negative.ppm": b"P5 -4 4 255\n" + bytes(64),
        "levels-of-0.ppm": b"P5 4 4 0\n" + bytes(64),
        "levels-of-70000.ppm": b"P5 4 4 70000\n" + bytes(64),
        "comment-of-1-mb.ppm": b"P5 #" + b"x" * 2**20 + b"\n4 4 255\n" + bytes(16),
        "words.ppm": b"P2 4 4 255 one two three",
        "long-number.ppm": b"P2 2 2 255 " + b"1" * 20_000,
        "nan.pfm": b"Pf\n4 4\n-1.0\n" + struct.pack("<16f", *([float("nan")] * 16)),
        "inf.pfm": b"Pf\n4 4\n-1.0\n" + struct.pack("<16f", *([float("inf")] * 15 + [0])),
        "largest.pfm": b"Pf\n4 4\n-1.0\n" + struct.pack("<16f", *([3e38, -3e38] * 8)),
        "scale-nan.pfm": b"Pf\n4 4\nnan\n" + bytes(64),
        "scale-0.pfm": b"Pf\n4 4\n0\n" + bytes(64),
    }
    return found | _tiffs() | _others()


def _tiffs() -> dict[str, bytes]:
    loop = _tiff([(256, 4, 1, 4), (257, 4, 1, 4)], more=72)
    return {
        "claims-4-gb.tif": _grey_tiff(65_536, 65_536),
        "claims-2-32.tif": _grey_tiff(2**32 - 1, 2**32 - 1),
        "claims-nothing.tif": _grey_tiff(0, 0),
        "no-rows.tif": _grey_tiff(8, 8, t278=0),
        "tiles-of-0.tif": _grey_tiff(8, 8, t322=0, t323=0),
        "tiles-of-4-gb.tif": _grey_tiff(8, 8, t322=65_536, t323=65_536),
        "tiles-packed-of-4-gb.tif": _grey_tiff(8, 8, t322=65_536, t323=65_536, t259=8),
        "strip-beyond.tif": _grey_tiff(8, 8, t273=2**32 - 1),
        "strip-of-4-gb.tif": _grey_tiff(8, 8, t279=2**32 - 1),
        "packed-strip-of-4-gb.tif": _grey_tiff(8, 8, t279=2**32 - 1, t259=5),
        "bits-of-0.tif": _grey_tiff(8, 8, t258=0),
        "bits-of-99.tif": _grey_tiff(8, 8, t258=99),
        "samples-of-65535.tif": _grey_tiff(8, 8, t277=65_535),
        "samples-of-0.tif": _grey_tiff(8, 8, t277=0),
        "packing-unknown.tif": _grey_tiff(8, 8, t259=4242),
        "photometric-unknown.tif": _grey_tiff(8, 8, t262=999),
        "orientation-0.tif": _grey_tiff(8, 8, t274=0),
        "orientation-99999.tif": _grey_tiff(8, 8, t274=99_999),
        "predictor-99.tif": _grey_tiff(8, 8, t317=99, t259=5),
        "no-tags.tif": _tiff([]),
        "65535-tags.tif": b"II*\0" + struct.pack("<I", 8) + b"\xff\xff" + b"\1" * 2_000,
        "tag-of-4-billion.tif": _tiff([(256, 4, 2**32 - 1, 0), (257, 4, 1, 8)]),
        "tags-that-loop.tif": loop,
        "offset-beyond.tif": b"II*\0" + struct.pack("<I", 2**32 - 1),
        "offset-of-itself.tif": b"II*\0" + struct.pack("<I", 0) + bytes(64),
        "big-claims.tif": b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63),
        "of-text.tif": _tiff([(256, 2, 4, 0x30303030), (257, 2, 4, 0x30303030)]),
        "of-fractions.tif": _tiff([(256, 5, 1, 8), (257, 5, 1, 8), (258, 5, 1, 8)]),
    }


def _others() -> dict[str, bytes]:
    """What is no image of its name's kind."""
    png = _saved("PNG")
    html = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='http://evil.example/a'/></svg>"
    return {
        "empty.png": b"",
        "one-byte.jpg": b"\xff",
        "zeros.png": bytes(10_000),
        "ones.tif": b"\xff" * 10_000,
        "text.png": b"hello\n" * 100,
        "postscript.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
        "vector.png": html,
        "page.jpg": b"<html><img src=http://evil.example/b></html>",
        "pdf.png": b"%PDF-1.7\n1 0 obj<</URI(http://evil.example)>>endobj",
        "icon.png": b"\0\0\1\0\1\0\xff\xff\0\0\1\0\x20\0\xff\xff\xff\xff\x16\0\0\0",
        "script.png": b"#!/bin/sh\ntouch /tmp/pwned\n",
        "pickle.png": b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.",
        "archive-behind.png": png + _zip({"a.png": png}),
        "picture-behind.png": b"PK\3\4" + png,
        "twice.png": png + png,
        "psd.png": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, 2**31, 2**31, 8, 3),
        "sgi.png": b"\x01\xda\x01\x01" + b"\xff" * 600,
        "fits.png": b"SIMPLE  =                    T" + b" " * 2850,
        "dds.png": b"DDS " + struct.pack("<II", 124, 0x1007) + b"\xff" * 120,
        "jpeg2000.png": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 100,
        "wmf.png": b"\xd7\xcd\xc6\x9a" + b"\xff" * 40,
    }


# Arrays -----------------------------------------------------------------------------------------


def _npy(head: str, data: bytes = b"", *, version: tuple[int, int] = (1, 0)) -> bytes:
    text = head.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def _head(shape: str, descr: str = "'|u1'", order: str = "False") -> str:
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
    found = {f"shape-{n}.npy": _npy(_head(s), data) for n, s in shapes.items()}
    found |= {f"type-{n}.npy": _npy(_head("(2, 28, 28)", t), data) for n, t in types.items()}
    found |= {f"cut-{e}.npy": whole[: len(whole) * e // 8] for e in range(1, 8)}
    found |= {
        "empty.npy": b"",
        "magic.npy": b"\x93NUMPY",
        "version-9.npy": _npy(_head("(2, 28, 28)"), data, version=(9, 9)),
        "version-3.npy": _npy(_head("(2, 28, 28)"), data, version=(3, 0)),
        "version-0.npy": _npy(_head("(2, 28, 28)"), data, version=(0, 0)),
        "head-of-4-gb.npy": b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + b"{",
        "head-of-1-mb.npy": _npy("{" + " " * 2**20 + "}", version=(2, 0)),
        "head-of-nothing.npy": _npy(""),
        "head-unclosed.npy": _npy("{'descr': '|u1', "),
        "head-deep.npy": _npy("(" * 9_000),
        "head-deep-list.npy": _npy(_head("[" * 4_000 + "]" * 4_000)),
        "head-deep-minus.npy": _npy(_head("(" + "-" * 9_000 + "1,)")),
        "head-unknown-key.npy": _npy("{'descr':'|u1','fortran_order':False,'shape':(1,),'x':1}"),
        "head-twice.npy": _npy(_head("(2, 28, 28), 'shape': (1, 28, 28)"), data),
        "head-code.npy": _npy("__import__('os').system('touch /tmp/pwned')"),
        "head-zero-byte.npy": _npy(_head("(2, 28, \0 28)"), data),
        "order-text.npy": _npy(_head("(2, 28, 28)", order="'yes'"), data),
        "order-fortran.npy": _npy(_head("(2, 28, 28)", order="True"), data),
        "longer.npy": whole + bytes(10_000),
        "pickled.npy": _array(np.array([{"a": 1}, None], dtype=object), allow_pickle=True),
        "floats-nan.npy": _array(np.full((2, 28, 28), np.nan)),
        "floats-inf.npy": _array(np.full((2, 28, 28), np.inf, np.float32)),
        "integers.npy": _array(np.zeros((2, 28, 28), np.int64)),
        "picture.npy": _saved("PNG"),
        "pickle.npy": b"\x80\x04cos\nsystem\n(S'touch /tmp/pwned'\ntR.",
    }
    return found


def _npzs() -> dict[str, bytes]:
    good = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    array, whole = _array(good), _npz(a=good, b=good)
    objects = _array(np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return {
        "good-and-text.npz": _zip({"a.npy": array, "readme.txt": b"hello"}),
        "good-and-objects.npz": _zip({"a.npy": array, "b.npy": objects}),
        "good-and-cut.npz": _zip({"a.npy": array, "b.npy": array[:300]}),
        "good-and-huge.npz": _zip({"a.npy": array, "b.npy": _npy(_head("(9, 99999, 99999)"))}),
        "bomb.npz": _zip({"a.npy": _npy(_head("(90, 1000, 1000)"), bytes(90_000_000))}),
        "million-names.npz": _zip({f"{i}.npy": b"" for i in range(3_000)}),
        "nothing.npz": _zip({}),
        "folder.npz": _zip({"a/": b""}),
        "upwards.npz": _zip({"../../evil.npy": array, "/etc/evil.npy": array}),
        "same-name-twice.npz": _zip_of([("a.npy", array), ("a.npy", array)]),
        "long-name.npz": _zip({"n" * 60_000 + ".npy": array}),
        "steering-name.npz": _zip({"a\x1b[31m\n.npy": array, "b.npy": objects}),
        "cut.npz": whole[: len(whole) // 2],
        "cut-tail.npz": whole[:-30],
        "flipped.npz": whole[:100] + bytes([whole[100] ^ 255]) + whole[101:],
        "encrypted.npz": _with_flag(whole, 1),
        "lone-array.npz": array,
        "empty.npz": b"",
        "lzma.npz": _zip({"a.npy": array}, zipfile.ZIP_LZMA),
        "bz2.npz": _zip({"a.npy": array}, zipfile.ZIP_BZIP2),
        "inner.npz": _zip({"a.npz": whole}),
    }


# Archives ---------------------------------------------------------------------------------------


def _zip(files: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    return _zip_of(list(files.items()), packing)


def _zip_of(files: list[tuple[str, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    import warnings

    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data, packing)
    return stream.getvalue()


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


def _zips() -> dict[str, bytes]:
    png = _saved("PNG")
    plain = _zip({"a.png": png, "b.png": png})
    inner = _zip({"a.png": png})
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
    found = {f"name-{n}.zip": _zip({name: png, "b.png": png}) for n, name in names.items()}
    return found | {
        "empty.zip": b"",
        "nothing.zip": _zip({}),
        "folders.zip": _zip({"a/": b"", "b/c/": b""}),
        "nested.zip": _zip({"a.zip": inner, "b.png": png}),
        "nested-100.zip": _nested(inner, 100),
        "bomb-of-zeros.zip": _zip({"a.png": bytes(500_000_000), "b.png": png}),
        "bomb-of-many.zip": _zip({f"{i}.png": bytes(2**20) for i in range(300)} | {"b.png": png}),
        "bomb-of-pixels.zip": _zip(
            {f"{i}.png": _png(3_000, 3_000, pixels=bytes(3_001 * 3_000)) for i in range(3)}
        ),
        "overlapping.zip": _overlapping(png),
        "20001-files.zip": _zip({f"{i}.png": b"" for i in range(20_001)}),
        "5000-files-of-text.zip": _zip({f"{i}.t{i}": b"x" for i in range(5_000)}),
        "encrypted.zip": _with_flag(plain, 1),
        "strong-encrypted.zip": _with_flag(plain, 65),
        "link.zip": _of_kind(0o120777, b"/etc/passwd"),
        "pipe.zip": _of_kind(0o010666, b""),
        "device.zip": _of_kind(0o020666, b""),
        "claims-4-gb.zip": _claiming(plain, 2**32 - 1),
        "claims-nothing.zip": _claiming(plain, 0),
        "same-names.zip": _zip_of([("a.png", png)] * 3),
        "cut.zip": plain[: len(plain) // 2],
        "cut-tail.zip": plain[:-10],
        "remark.zip": plain[:-2] + struct.pack("<H", 20) + b"PK\5\6" * 5,
        "two-ends.zip": plain + plain[-22:],
        "junk-before.zip": b"junk" + plain,
        "flipped.zip": plain[:60] + bytes([plain[60] ^ 255]) + plain[61:],
        "no-utf8.zip": _with_flag(_zip({"caf\xe9.png": png}).replace("é".encode(), b"\xe9x"), 0),
        "text.zip": b"no archive",
        "picture.zip": png,
        "gzip.zip": b"\x1f\x8b\x08" + bytes(60),
        "7z.zip": b"7z\xbc\xaf\x27\x1c" + bytes(60),
        "bz2.zip": _zip({"a.png": png}, zipfile.ZIP_BZIP2),
        "macos.zip": _zip({"__MACOSX/._a.png": b"x", ".DS_Store": b"x", "a.png": png}),
        "array-bomb.zip": _zip({"a.npy": _npy(_head("(300, 1000, 1000)"), bytes(3 * 10**8))}),
        "offset-beyond.zip": plain[:-6] + struct.pack("<I", 2**32 - 2) + plain[-2:],
    }


def _nested(inner: bytes, times: int) -> bytes:
    for _ in range(times):
        inner = _zip({"a.zip": inner})
    return inner


def _overlapping(png: bytes) -> bytes:
    """An archive whose entries all lie in the same bytes."""
    junk, at, heads = bytearray(_zip({f"{i}.png": png for i in range(50)})), -1, []
    while (at := junk.find(b"PK\1\2", at + 1)) >= 0:
        heads.append(at)
    for head in heads:
        junk[head + 42 : head + 46] = struct.pack("<I", 0)
    return bytes(junk)


IMAGES: Callable[[], dict[str, bytes]] = lambda: _cut_and_flipped() | _claims()  # noqa: E731
ARRAYS: Callable[[], dict[str, bytes]] = lambda: _npys() | _npzs()  # noqa: E731
ARCHIVES: Callable[[], dict[str, bytes]] = _zips
