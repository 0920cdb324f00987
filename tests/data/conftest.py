import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammo.data.phantom import PhantomSpec, write_phantom
from mammo.progress import finish


@pytest.fixture(scope="session")
def few_files(tmp_path_factory):
    root = tmp_path_factory.mktemp("few") / "tree"
    finish(write_phantom(root, PhantomSpec(images=14, seed=2, height=128), workers=1))
    return root


@pytest.fixture
def tree(few_files, tmp_path) -> Path:
    """A phantom of 14 images that a test may damage."""
    return Path(shutil.copytree(few_files, tmp_path / "tree"))


@pytest.fixture
def full_images(tree) -> list[Path]:
    """The files of the full images in `tree`."""
    return sorted(path for path in tree.rglob("*.dcm") if "full mammogram" in str(path))


@pytest.fixture
def write_dicom(few_files):
    """Writes pixels as a DICOM file: a phantom's with some tags changed."""
    sample = next(path for path in sorted(few_files.rglob("*.dcm")) if "full mammogram" in str(path))

    def write(path: Path, pixels: np.ndarray, **tags) -> Path:
        data = pydicom.dcmread(sample)
        data.Rows, data.Columns = pixels.shape[:2]
        data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
        data.SamplesPerPixel = 1 if pixels.ndim == 2 else pixels.shape[2]
        data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
        for name, value in tags.items():
            setattr(data, name, value)
        data.HighBit = tags.get("HighBit", data.BitsStored - 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        data.save_as(path)
        return path

    return write


@pytest.fixture
def write(tmp_path):
    """Writes a manifest of the given lines."""

    def lines(*rows: str, name: str = "set.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return path

    return lines
