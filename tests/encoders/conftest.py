import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .tiny import make_tiny

TEXTS = [
    "Amina Bello visited Lagos on Monday with the minister of finance.",
    "The minister said: “Nobody in Lagos knows what Amina bought there.”",
    "Die Ministerin sprach am Montag in Köln über Straßen und Brücken.",
    "Waziri wa fedha alitembelea Dodoma siku ya Jumatatu.",
    "Olùkọ́ náà lọ sí Ìbàdàn ní ọjọ́ Ajé.",
    "አቶ ከበደ ሰኞ ዕለት ወደ ባሕር ዳር ሄዱ።",
    "ඇමතිවරයා සඳුදා මහනුවර ශ්‍රී දළදා මාළිගාවට ගියේය.",
]


@pytest.fixture
def texts() -> list[str]:
    return list(TEXTS)


@pytest.fixture(scope="session")
def tiny_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny encoder by its kind; each is made once and must not be written to."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind) / "encoder"
            made[kind] = make_tiny(kind, folder, TEXTS * 3)
        return made[kind]

    return get


@pytest.fixture
def own_tiny(tiny_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny XLM-R that a test may spoil."""
    return Path(shutil.copytree(tiny_of("xlm-roberta"), tmp_path / "own"))
