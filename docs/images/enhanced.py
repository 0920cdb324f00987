"""Draws docs/images/enhanced.jpg: a phantom after every step of the enhanced preprocessing."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mammo.data.phantom import PhantomSpec, draw_patients, render_view
from mammo.images.enhance import trace
from mammo.images.resize import RESIZES

SEED, PATIENT, VIEW, HEIGHT = 1, 4, "MLO", 2600
TALL, TITLE, GAP, PAPER = 400, 26, 8, 190


def panel(label: str, picture: np.ndarray) -> Image.Image:
    """One step: its label above the picture, TALL pixels high."""
    _, left, _, wide = RESIZES["letterbox"].place(picture.shape, TALL)
    boxed = RESIZES["letterbox"].apply(picture, TALL)[:, left : left + wide]
    canvas = Image.new("L", (wide, TALL + TITLE), PAPER)
    canvas.paste(Image.fromarray((boxed * 255 + 0.5).astype(np.uint8)), (0, TITLE))
    ImageDraw.Draw(canvas).text((4, 5), label, 0, ImageFont.load_default(15))
    return canvas


def main() -> None:
    """Render the view, run the chain and write the figure beside this script."""
    patient = draw_patients(PhantomSpec(images=40, seed=SEED, height=HEIGHT))[PATIENT]
    pixels = render_view(patient, patient.breasts[0], VIEW, HEIGHT).image
    panels = [panel(label, picture) for label, picture in trace(pixels.astype(np.float32) / 65535)]
    figure = Image.new("L", (sum(one.width + GAP for one in panels) - GAP, TALL + TITLE), PAPER)
    for place, one in enumerate(panels):
        figure.paste(one, (place * (one.width + GAP), 0))
    figure.save(Path(__file__).with_suffix(".jpg"), quality=82, optimize=True)


if __name__ == "__main__":
    main()
