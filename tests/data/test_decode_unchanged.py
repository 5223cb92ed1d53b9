"""Grey pictures of 28x28 are those that the shipped checkpoints were measured on, bit by bit."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from handmade import encoded, tiff
from PIL import Image

from core.data.decode import decode
from core.shape import Shape


def pattern(*shape: int, top: int = 256) -> np.ndarray:
    """Slopes with edges, of no randomness, in so many levels."""
    rows, columns = np.indices(shape[:2])
    planes = [
        (rows * (7 + 2 * c) + columns * (3 + c) + (rows // 5 ^ columns // 4) * 31 * (c + 1)) % 256
        for c in range(shape[2] if len(shape) == 3 else 1)
    ]
    levels = np.stack(planes, -1) * (top // 256)
    return levels if len(shape) == 3 else levels[..., 0]


def grey(*shape: int) -> Image.Image:
    return Image.fromarray(pattern(*shape).astype(np.uint8))


def colour(height: int, width: int, channels: int = 3) -> Image.Image:
    return Image.fromarray(pattern(height, width, channels).astype(np.uint8))


def turned(image: Image.Image, how: int, kind: str = "PNG", **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = how
    return encoded(image, kind, exif=exif, **options)


def opaque(image: Image.Image) -> Image.Image:
    image.putalpha(255)
    return image


DEEP = pattern(40, 60, top=65536)
FILES = {
    "grey": encoded(grey(28, 28)),
    "grey wide": encoded(grey(50, 100)),
    "grey high": encoded(grey(99, 41)),
    "grey small": encoded(grey(7, 9)),
    "grey large": encoded(grey(1500, 1300)),
    "colour": encoded(colour(28, 28)),
    "colour high": encoded(colour(90, 70)),
    "colour large": encoded(colour(1300, 1500)),
    "opaque": encoded(opaque(colour(33, 44))),
    "opaque grey": encoded(opaque(grey(33, 44))),
    "bits": encoded(grey(60, 50).convert("1", dither=Image.Dither.NONE)),
    "palette": encoded(colour(60, 50).quantize(16, dither=Image.Dither.NONE), "GIF"),
    "bmp": encoded(colour(30, 61), "BMP"),
    "ppm": encoded(colour(61, 30), "PPM"),
    "webp": encoded(colour(31, 62), "WEBP", lossless=True),
    "jpeg": encoded(colour(112, 224), "JPEG", quality=90),
    "jpeg grey": encoded(grey(112, 64), "JPEG", quality=90),
    "jpeg progressive": encoded(colour(64, 112), "JPEG", quality=80, progressive=True),
    "jpeg turned": turned(colour(112, 224), 6, "JPEG", quality=90),
    "inks": encoded(Image.fromarray(pattern(40, 30, 4).astype(np.uint8), "CMYK"), "TIFF"),
    "16 bits": encoded(Image.fromarray(DEEP.astype(np.uint16))),
    "16 bits tiff": tiff(DEEP.astype(np.uint16), 16),
    "16 bits inverted": tiff(DEEP.astype(np.uint16), 16, photometric=0),
    "32 bits": tiff(DEEP.astype(np.uint32) * 65000, 32),
    "floats": encoded(Image.fromarray(DEEP.astype(np.float32) / 7 - 300), "TIFF"),
    "frames": encoded(grey(30, 30), "GIF", save_all=True, append_images=[grey(30, 30).rotate(90)]),
    **{f"turned {how}": turned(grey(30, 45), how) for how in range(2, 9)},
    "tiff turned": turned(colour(30, 45), 6, "TIFF"),
    "tiff packed": encoded(colour(45, 30), "TIFF", compression="tiff_lzw"),
}

# The first sixteen digits of the SHA-256 of the pixels, and the notes: of the code before shapes.
BEFORE: dict[str, tuple[str, tuple[str, ...]]] = {
    "grey": ("2bbb1955e89592e5", ()),
    "grey wide": ("09e7233d2c6a0b7d", ("100x50 fitted to 28x28, shrunk 3.6 times each way",)),
    "grey high": ("b3988eb522a2e1c4", ("41x99 fitted to 28x28, shrunk 3.5 times each way",)),
    "grey small": ("35bf0ece355d9b3b", ("9x7 fitted to 28x28, enlarged 3.1 times each way",)),
    "grey large": ("935d42782908811b", ("1300x1500 fitted to 28x28, shrunk 54 times each way",)),
    "colour": ("1ca9828b7d739b78", ("RGB made grey",)),
    "colour high": (
        "c117dd28cc665e74",
        ("RGB made grey", "70x90 fitted to 28x28, shrunk 3.2 times each way"),
    ),
    "colour large": (
        "cae6865f1e779ff0",
        ("RGB made grey", "1500x1300 fitted to 28x28, shrunk 54 times each way"),
    ),
    "opaque": (
        "b9b57f353a5792f6",
        ("RGBA made grey", "44x33 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "opaque grey": (
        "79fa7a78ce68dd70",
        ("grey with alpha made grey", "44x33 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "bits": (
        "7e59f6d7569fb189",
        ("black and white made grey", "50x60 fitted to 28x28, shrunk 2.1 times each way"),
    ),
    "palette": (
        "a1268e635e6472ef",
        ("palette made grey", "50x60 fitted to 28x28, shrunk 2.1 times each way"),
    ),
    "bmp": (
        "9896267c920c778e",
        ("RGB made grey", "61x30 fitted to 28x28, shrunk 2.2 times each way"),
    ),
    "ppm": (
        "ae32f28f47f4308b",
        ("RGB made grey", "30x61 fitted to 28x28, shrunk 2.2 times each way"),
    ),
    "webp": (
        "880635e4ef008db9",
        ("RGB made grey", "62x31 fitted to 28x28, shrunk 2.2 times each way"),
    ),
    "jpeg": (
        "af2214bd477d4564",
        ("RGB made grey", "224x112 fitted to 28x28, shrunk 8 times each way"),
    ),
    "jpeg grey": ("97820cdc53e3fab8", ("64x112 fitted to 28x28, shrunk 4 times each way",)),
    "jpeg progressive": (
        "d330aeaacfa381e2",
        ("RGB made grey", "112x64 fitted to 28x28, shrunk 4 times each way"),
    ),
    "jpeg turned": (
        "eb528e5eefca4dbe",
        (
            "turned upright by its EXIF tag",
            "RGB made grey",
            "112x224 fitted to 28x28, shrunk 8 times each way",
        ),
    ),
    "inks": (
        "944e3d0a1f060ed1",
        ("CMYK made grey", "30x40 fitted to 28x28, shrunk 1.4 times each way"),
    ),
    "16 bits": (
        "63ad88cd33d9e147",
        (
            "16-bit grey made grey, levels 0..65535 as 0..255",
            "60x40 fitted to 28x28, shrunk 2.1 times each way",
        ),
    ),
    "16 bits tiff": (
        "63ad88cd33d9e147",
        (
            "16-bit grey made grey, levels 0..65535 as 0..255",
            "60x40 fitted to 28x28, shrunk 2.1 times each way",
        ),
    ),
    "16 bits inverted": (
        "051d280c6b8777c4",
        (
            "16-bit grey made grey, levels 65535..0 as 0..255",
            "60x40 fitted to 28x28, shrunk 2.1 times each way",
        ),
    ),
    "32 bits": (
        "1fb37dbb5f90a0a1",
        (
            "32-bit grey made grey, levels 0..4.2432e+09 as 0..255",
            "60x40 fitted to 28x28, shrunk 2.1 times each way",
        ),
    ),
    "floats": (
        "1fb37dbb5f90a0a1",
        (
            "floating-point grey made grey, levels -300..9025.71 as 0..255",
            "60x40 fitted to 28x28, shrunk 2.1 times each way",
        ),
    ),
    "frames": (
        "475595fa429ed501",
        (
            "first of 2 frames",
            "palette made grey",
            "30x30 fitted to 28x28, shrunk 1.1 times each way",
        ),
    ),
    "turned 2": (
        "2fc8294d922028b0",
        ("turned upright by its EXIF tag", "45x30 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "turned 3": (
        "2d146d2cb49720e8",
        ("turned upright by its EXIF tag", "45x30 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "turned 4": (
        "fbd49f1e9124a1d8",
        ("turned upright by its EXIF tag", "45x30 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "turned 5": (
        "39d710d6d4f718fb",
        ("turned upright by its EXIF tag", "30x45 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "turned 6": (
        "0723826eae578e7b",
        ("turned upright by its EXIF tag", "30x45 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "turned 7": (
        "be6cefac0296532b",
        ("turned upright by its EXIF tag", "30x45 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "turned 8": (
        "8d7c3f1e87a302e4",
        ("turned upright by its EXIF tag", "30x45 fitted to 28x28, shrunk 1.6 times each way"),
    ),
    "tiff turned": (
        "7cbcb86592c9158f",
        (
            "turned upright by its EXIF tag",
            "RGB made grey",
            "30x45 fitted to 28x28, shrunk 1.6 times each way",
        ),
    ),
    "tiff packed": (
        "c1445f97e43f92cf",
        ("RGB made grey", "30x45 fitted to 28x28, shrunk 1.6 times each way"),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_the_pixels_and_notes_that_it_gave_before(name: str) -> None:
    found = decode(FILES[name], Shape(1, 28, 28))
    assert found.image.shape == (28, 28, 1)
    assert (hashlib.sha256(found.image.tobytes()).hexdigest()[:16], found.notes) == BEFORE[name]
