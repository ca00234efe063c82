"""Edges of a picture, found by oscillator networks: one network of nine oscillators for each pixel and its neighbours.

Each network stores five pictures of 3 x 3 pixels: a flat one, and an edge in four directions. The grey values of the
nine pixels are the initial phases (white leads black by half a period). The network then moves to the stored picture
that is most similar. If that is not the flat one, the pixel is on an edge. The method is that of M. Abernot, T. Gil and
A. Todri-Sanial, arXiv:2202.12541 (on an FPGA, in real time).

    python examples/edge_detection.py [PICTURE] [--out edges.png]

Without PICTURE, a photograph of scikit-learn is used. The edges are compared with those of Sobel's operator. All
networks are bit-true models: a circuit would give the same.
"""

import argparse
from pathlib import Path

import matplotlib.image
import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import sobel
from sklearn.datasets import load_sample_image

from neuristor.golden_model.networks.associative import diederich_opper, quantized
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams, spins

PERIODS = 10
LEARNT = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1, 1, 1],
        [1, 1, -1, 1, 1, -1, 1, 1, -1],
        [1, 1, 1, 1, 1, 1, -1, -1, -1],
        [1, 1, 1, 1, 1, -1, 1, -1, -1],
        [1, 1, 1, -1, 1, 1, -1, -1, 1],
    ]
)


def grey(path: Path | None, side: int) -> np.ndarray:
    """Read a picture as grey values.

    Parameters
    ----------
    path : Path or None
        PNG or JPEG file; None for the photograph of scikit-learn.
    side : int
        Longest side of the result, in pixels; larger pictures are averaged down.

    Returns
    -------
    ndarray of float, shape (rows, columns)
        Grey values, 0 (black) to 1 (white).
    """
    pixels = load_sample_image("china.jpg") / 255 if path is None else matplotlib.image.imread(path).astype(float)
    if pixels.max() > 1:
        pixels = pixels / 255
    if pixels.ndim == 3:
        pixels = pixels[..., :3].mean(axis=2)
    step = -(-max(pixels.shape) // side)
    rows, columns = (size // step * step for size in pixels.shape)
    return pixels[:rows, :columns].reshape(rows // step, step, columns // step, step).mean(axis=(1, 3))


def edges(picture: np.ndarray, params: OnnParams, contrast: float) -> tuple[np.ndarray, OnnBitTrue]:
    """Find the edges of a picture.

    Parameters
    ----------
    picture : ndarray of float, shape (rows, columns)
        Grey values, 0 to 1.
    params : OnnParams
        The network of nine oscillators.
    contrast : float
        Difference of grey values that counts as white against black, above 0 and at most 1.

    Returns
    -------
    found : ndarray of bool, shape (rows - 2, columns - 2)
        Whether a pixel is on an edge; the border has no result.
    network : OnnBitTrue
        The networks after the run, one trial for each pixel.
    """
    tiles = np.lib.stride_tricks.sliding_window_view(picture, (3, 3)).reshape(-1, 9)
    # Only phase differences have a meaning: grey values count from the middle of their tile.
    middle = (tiles.max(axis=1, keepdims=True) + tiles.min(axis=1, keepdims=True)) / 2
    level = np.clip(0.5 + (tiles - middle) / contrast, 0, 1)
    network = OnnBitTrue(params, np.rint((1 - level) * params.half).astype(int))
    network.run(PERIODS)
    seen = spins(network.phase, params.phase_bits)
    found = np.abs(seen.sum(axis=1)) < 9
    return found.reshape(picture.shape[0] - 2, picture.shape[1] - 2), network


def main() -> None:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="?", help="PNG or JPEG")
    parser.add_argument("--out", type=Path, default=Path("edges.png"))
    parser.add_argument("--side", type=int, default=160, help="longest side, in pixels")
    parser.add_argument("--contrast", type=float, default=0.6, help="difference that is white against black")
    given = parser.parse_args()
    if given.picture is not None and not given.picture.is_file():
        parser.error(f"{given.picture}: no such file")
    if given.side < 8 or not 0 < given.contrast <= 1:
        parser.error("--side must be at least 8, and --contrast above 0, at most 1")
    picture = grey(given.picture, given.side)
    params = OnnParams(weights=quantized(diederich_opper(LEARNT), 5), phase_bits=6)
    found, network = edges(picture, params, given.contrast)
    strength = np.hypot(sobel(picture, 0), sobel(picture, 1))[1:-1, 1:-1]
    as_many = strength >= np.sort(strength, axis=None)[-max(int(found.sum()), 1)]
    both = (found & as_many).sum() / max(found.sum(), 1)
    clocks = network.clocks.mean()
    print(f"{picture.shape[1]} x {picture.shape[0]} pixels: {found.sum()} on edges, {100 * found.mean():.1f} %")
    print(f"of these, {100 * both:.0f} % are among the {as_many.sum()} strongest of Sobel's operator")
    print(
        f"settled {100 * network.settled.mean():.1f} %, mean {network.changed.mean() / params.raw.period:.2f} periods"
    )
    print(
        f"{clocks:.0f} clocks a pixel at most: {50e6 / clocks / found.size:.2f} pictures a second of one network "
        "at 50 MHz"
    )
    figure = Figure(figsize=(12, 3.4), layout="constrained")
    for panel, (title, image) in zip(
        figure.subplots(1, 3),
        {"picture": picture, "oscillator networks": found, "Sobel, as many pixels": as_many}.items(),
        strict=True,
    ):
        panel.imshow(image, cmap="gray")
        panel.set_title(title)
        panel.set_axis_off()
    figure.savefig(given.out, dpi=100)
    print(given.out)


if __name__ == "__main__":
    main()
