"""Hostile image files: names to bytes, the same at every run."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
from hostile_zeros import archive_of
from PIL import Image

__all__ = ["images", "png_of", "saved"]


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


def saved(kind: str, mode: str = "L", **options: object) -> bytes:
    stream = io.BytesIO()
    _picture(mode).save(stream, kind, **options)
    return stream.getvalue()


def _frames(kind: str, **options: object) -> bytes:
    more = [_picture("RGB", (40, 30)).rotate(90 * i) for i in range(1, 4)]
    return saved(kind, "RGB", save_all=True, append_images=more, **options)


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


# Whole files of every format --------------------------------------------------------------------

WHOLE: dict[str, Callable[[], bytes]] = {
    "grey.png": lambda: saved("PNG"),
    "colour.png": lambda: saved("PNG", "RGB"),
    "alpha.png": lambda: saved("PNG", "RGBA"),
    "grey-alpha.png": lambda: saved("PNG", "LA"),
    "palette.png": lambda: saved("PNG", "P"),
    "palette-alpha.png": lambda: saved("PNG", "P", transparency=bytes(range(256))),
    "bits.png": lambda: saved("PNG", "1"),
    "deep.png": lambda: saved("PNG", "I;16"),
    "moving.png": lambda: _frames("PNG"),
    "grey.jpg": lambda: saved("JPEG"),
    "colour.jpg": lambda: saved("JPEG", "RGB", exif=_exif(6)),
    "several-scans.jpg": lambda: saved("JPEG", "RGB", progressive=True),
    "inks.jpg": lambda: saved("JPEG", "CMYK"),
    "several.mpo": lambda: _frames("MPO"),
    "grey.bmp": lambda: saved("BMP"),
    "colour.bmp": lambda: saved("BMP", "RGB"),
    "alpha.bmp": lambda: saved("BMP", "RGBA"),
    "bits.bmp": lambda: saved("BMP", "1"),
    "still.gif": lambda: saved("GIF"),
    "moving.gif": lambda: _frames("GIF", loop=0),
    "plain.tif": lambda: saved("TIFF"),
    "inks.tif": lambda: saved("TIFF", "CMYK"),
    "deep.tif": lambda: saved("TIFF", "I;16"),
    "float.tif": lambda: saved("TIFF", "F"),
    "lab.tif": lambda: saved("TIFF", "LAB"),
    "lzw.tif": lambda: saved("TIFF", "RGB", compression="tiff_lzw"),
    "deflate.tif": lambda: saved("TIFF", "RGB", compression="tiff_adobe_deflate"),
    "jpeg.tif": lambda: saved("TIFF", "RGB", compression="jpeg"),
    "fax.tif": lambda: saved("TIFF", "1", compression="group4"),
    "pages.tif": lambda: _frames("TIFF"),
    "lossy.webp": lambda: saved("WEBP", "RGB"),
    "lossless.webp": lambda: saved("WEBP", "RGBA", lossless=True),
    "moving.webp": lambda: _frames("WEBP"),
    "bits.pbm": lambda: saved("PPM", "1"),
    "grey.pgm": lambda: saved("PPM"),
    "colour.ppm": lambda: saved("PPM", "RGB"),
    "float.pfm": lambda: saved("PPM", "F"),
}
EIGHTHS = (3, 7)


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


def png_of(
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
    data = bytearray(saved("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def _text_bomb(kind: bytes, prefix: bytes) -> bytes:
    return png_of(8, 8, more=_chunk(kind, prefix + zlib.compress(bytes(50_000_000))))


def _claims() -> dict[str, bytes]:
    huge = 65_535
    found = {
        "claims-4-gb.png": png_of(2**16, 2**16),
        "claims-2-31.png": png_of(2**31 - 1, 2**31 - 1),
        "claims-2-32.png": png_of(2**32 - 1, 1),
        "claims-nothing.png": png_of(0, 0),
        "claims-17-bits.png": png_of(8, 8, bits=17),
        "claims-colour-9.png": png_of(8, 8, colour=9),
        "claims-palette-without.png": png_of(8, 8, colour=3),
        "line-60000.png": png_of(60_000, 1, pixels=bytes(60_001)),
        "column-60000.png": png_of(1, 60_000, pixels=bytes(120_000)),
        "one-pixel.png": png_of(1, 1, pixels=b"\0\x80"),
        "39-megapixels.png": png_of(6_000, 6_500, pixels=bytes(6_001 * 6_500)),
        "39-megapixels-colour.png": png_of(6_000, 6_500, colour=2, pixels=bytes(18_001 * 6_500)),
        "text-bomb.png": _text_bomb(b"zTXt", b"k\0\0"),
        "profile-bomb.png": _text_bomb(b"iCCP", b"k\0\0"),
        "international-bomb.png": _text_bomb(b"iTXt", b"k\0\1\0\0\0"),
        "no-end.png": png_of(8, 8, pixels=bytes(72))[:-12],
        "two-heads.png": png_of(
            8, 8, more=_chunk(b"IHDR", struct.pack(">IIBBBBB", 9**9, 9, 8, 0, 0, 0, 0))
        ),
        "chunk-of-2-gb.png": png_of(8, 8)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT",
        "million-frames.png": png_of(
            8, 8, pixels=bytes(72), more=_chunk(b"acTL", struct.pack(">II", 10**6, 0))
        ),
        "junk-exif.png": png_of(
            8, 8, pixels=bytes(72), more=_chunk(b"eXIf", b"MM\0*" + b"\xff" * 40)
        ),
        "chroma-of-nothing.png": png_of(8, 8, pixels=bytes(72), more=_chunk(b"tRNS", b"")),
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
        "segments-of-two.jpg": b"\xff\xd8" + b"\xff\xfe\0\2" * 100_000 + saved("JPEG")[2:],
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
    png = saved("PNG")
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
        "archive-behind.png": png + archive_of({"a.png": png}),
        "picture-behind.png": b"PK\3\4" + png,
        "twice.png": png + png,
        "psd.png": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, 2**31, 2**31, 8, 3),
        "sgi.png": b"\x01\xda\x01\x01" + b"\xff" * 600,
        "fits.png": b"SIMPLE  =                    T" + b" " * 2850,
        "dds.png": b"DDS " + struct.pack("<II", 124, 0x1007) + b"\xff" * 120,
        "jpeg2000.png": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 100,
        "wmf.png": b"\xd7\xcd\xc6\x9a" + b"\xff" * 40,
    }


@cache
def images() -> dict[str, bytes]:
    """All image files."""
    return _cut_and_flipped() | _claims()
