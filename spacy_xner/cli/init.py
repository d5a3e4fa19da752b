"""`spacy xner init`: a commented config for a new language."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..corpora.files import atomic_write
from ..corpora.scripts import NO_SPACES, SCRIPTS, punctuation_of, script_of
from ..errors import XnerError

__all__ = [
    "LanguageInfo",
    "TextReport",
    "describe",
    "init",
    "init_cli",
    "language_config",
    "text_report",
]

SAMPLE = 20_000_000  # characters of a text that are looked at
ANOTHER_SCRIPT = 0.5  # a smaller share of letters in the expected script is a warning
WELL_FORMED = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
GLUE = set("'’‘‛`´՚׳״·&_@")


@dataclass(frozen=True)
class LanguageInfo:
    """A language as its config describes it.

    lang (str): Code as the user gave it, which is also the name of data folders and files.
    name (str): English name, or the code where no name is known.
    script (str): ISO 15924 code, such as "Ethi".
    punctuation (str): Punctuation of the script beyond what all scripts share.
    """

    lang: str
    name: str
    script: str
    punctuation: str


@dataclass(frozen=True)
class TextReport:
    """What the characters of a raw text are.

    path (Path): The text.
    letters (int): Number of letters that were looked at.
    scripts (dict[str, float]): Share of the letters by script, 0 to 1, the largest first.
    unsplit (dict[str, int]): How often a character occurs that is no letter, mark or number and
        that the tokenizer rules leave inside words.
    """

    path: Path
    letters: int
    scripts: dict[str, float]
    unsplit: dict[str, int] = field(default_factory=dict)


def init_cli(
    lang: Annotated[str, typer.Argument(help="Code of the language: BCP 47 or ISO 639-3")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the config")] = Path(
        "configs"
    ),
    text: Annotated[
        Path | None, typer.Option("--text", "-t", help="Raw text of the language, to be checked")
    ] = None,
    script: Annotated[
        str | None, typer.Option("--script", help="Its script, ISO 15924 (Latn, Ethi, Sinh, ...)")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace the config")] = False,
) -> None:
    """Write a commented config for a new language, ready for `spacy project run all`."""
    try:
        report = None if text is None else text_report(text)
        path = init(lang, output=output, text=text, script=script, force=force)
        info = describe(lang, script=script, text=text)
    except XnerError as error:
        msg.fail("No config was written", str(error), exits=1)
    if report is not None:
        _print_report(info, report)
    if info.script in NO_SPACES:
        msg.warn(
            f"{info.script} is written without spaces between words",
            'The tokenizer of lang = "xx" splits at spaces and punctuation: split the raw text '
            "into words first, or set a spaCy language with a word segmenter in [nlp].",
        )
    msg.good(
        f"Wrote {path}: {info.name}, {info.script}",
        f"Put its raw text at assets/masakhaner/unlabelled/{lang}.txt (or unlabelled/{lang}.txt of "
        f"the folder that --vars.data_root names), then: {run_command(lang, path)}",
    )


def init(
    lang: str,
    *,
    output: Path | str = Path("configs"),
    text: Path | str | None = None,
    script: str | None = None,
    force: bool = False,
) -> Path:
    """Write a commented config for a new language.

    lang (str): BCP 47 or ISO 639-3 code; the config is called after it.
    output (Path | str): Folder of the config, made where it is missing.
    text (Path | str | None): Raw UTF-8 text of the language; its path goes into the config.
    script (str | None): ISO 15924 code; None takes the likely one (CLDR), else that of the text.
    force (bool): Replace a config that is there.
    RETURNS (Path): The config.
    RAISES: XnerError where code, script or text are not usable, or the config is there already.
    """
    info = describe(lang, script=script, text=text)
    path = Path(output) / f"{lang}.cfg"
    if path.exists() and not force:
        raise XnerError(
            f"{path}: is there already. Give --force to replace it, or another --output."
        )
    written = language_config(info, None if text is None else str(text), path)
    with atomic_write(path) as file:
        file.write(written.encode("utf8"))
    return path


def run_command(lang: str, config: Path | str) -> str:
    """Tell how the project is run for a language.

    lang (str): Its code.
    config (Path | str): Its config.
    RETURNS (str): A command line.
    """
    return f"spacy project run all . --vars.target {lang} --vars.config {Path(config).as_posix()}"


def language_config(
    info: LanguageInfo, text: str | None = None, path: Path | str | None = None
) -> str:
    """Write the config of a language: what differs from `configs/student.cfg`, with comments.

    info (LanguageInfo): The language.
    text (str | None): Path of its raw text; None for the place where the project puts it.
    path (Path | str | None): Where the config will be; None for configs/LANG.cfg.
    RETURNS (str): Text of a spaCy config.
    """
    path = path or f"configs/{info.lang}.cfg"
    punctuation = f" and splits {' '.join(info.punctuation)}" if info.punctuation else ""
    raw = (text or f"corpus/raw/{info.lang}.txt").replace("\\", "/").replace('"', '\\"')
    return f"""\
# {info.name} ({info.lang}), script {info.script}. Only what is this language's own; all else stands
# in configs/student.cfg. Used by:
# {run_command(info.lang, path)}

[paths]
# Raw text, UTF-8, one sentence or paragraph a line; the project makes corpus/raw/{info.lang}.txt of
# unlabelled/{info.lang}.txt in vars.data_root. More text is the first thing to try.
raw = ["{raw}"]

[nlp]
# spaCy's language for all languages: an installed student then needs nothing but spaCy.
lang = "xx"

[initialize]

[initialize.before_init]
# Keeps combining marks with their letters{punctuation}, and
# gives composed and decomposed spellings of the words of these texts one norm.
@callbacks = "spacy-xner.tokenizer_rules.v1"
texts = ${{paths.raw}}
max_norms = 200000
"""


def describe(
    lang: str, *, script: str | None = None, text: Path | str | None = None
) -> LanguageInfo:
    """Find name, script and punctuation of a language.

    lang (str): BCP 47 or ISO 639-3 code.
    script (str | None): ISO 15924 code; None takes the likely one (CLDR), else that of the text.
    text (Path | str | None): Raw text, looked at where neither says which script it is.
    RETURNS (LanguageInfo): What is known.
    RAISES: XnerError where the code is not well-formed, or no script is found or it is unknown.
    """
    if not WELL_FORMED.fullmatch(lang):
        raise XnerError(
            f"Language code '{lang}': expected BCP 47 or ISO 639-3, two or three letters and parts "
            "after hyphens, such as ha, hau or ha-Arab."
        )
    name, likely, tried = _look_up(lang)
    found = script or likely
    if not found and text is not None:
        found = next(iter(text_report(text).scripts), "")
        tried.append(f"the letters of {text}")
    if not found:
        raise XnerError(
            f"Language code '{lang}': no script is known for it; tried {', '.join(tried)}. Any "
            "BCP 47 or ISO 639-3 code works with --script, such as --script Latn, or with --text."
        )
    found = found.capitalize()
    if found not in SCRIPTS:
        raise XnerError(
            f"Script '{found}' of language '{lang}': expected one of these ISO 15924 codes: "
            f"{', '.join(sorted(SCRIPTS))}. Give the nearest one with --script."
        )
    return LanguageInfo(lang=lang, name=name, script=found, punctuation=punctuation_of(found))


def _look_up(lang: str) -> tuple[str, str, list[str]]:
    """Name, likely script ("" for none) and what was asked, from the data of `langcodes`."""
    try:
        import langcodes
        from langcodes.data_dicts import LIKELY_SUBTAGS
    except ImportError:
        return lang, "", ["langcodes, which is missing (pip install spacy-xner[languages])"]
    tried = ["the IANA registry"]
    if not langcodes.tag_is_valid(lang):
        return lang, "", tried
    language = langcodes.Language.get(lang)
    tried.append("CLDR's likely subtags")
    # `maximize` answers en-Latn-US for a language that it does not know.
    known = language.script or language.language in LIKELY_SUBTAGS
    try:
        name = language.display_name()
    except ImportError:
        name = lang
    return name, (language.maximize().script or "") if known else "", tried


def text_report(text: Path | str) -> TextReport:
    """Count the scripts of a text, and the signs in it that the tokenizer does not split.

    text (Path | str): Raw UTF-8 text; of a long one, the first 20 million characters.
    RETURNS (TextReport): What its characters are.
    RAISES: XnerError where it cannot be read or holds no letters.
    """
    path = Path(text)
    try:
        with path.open(encoding="utf8") as file:
            characters = Counter(file.read(SAMPLE))
    except (OSError, UnicodeDecodeError) as error:
        raise XnerError(
            f"{path}: cannot be read as UTF-8 text ({error}). --text takes a raw text file."
        ) from error
    scripts: Counter[str] = Counter()
    for character, count in characters.items():
        if unicodedata.category(character)[0] == "L":
            scripts[script_of(character)] += count
    letters = scripts.total()
    if not letters:
        raise XnerError(f"{path}: found no letters, expected raw text of the language.")
    return TextReport(
        path=path,
        letters=letters,
        scripts={script: count / letters for script, count in scripts.most_common()},
        unsplit={c: characters[c] for c in sorted(characters) if _stays_inside(c)},
    )


def _stays_inside(character: str) -> bool:
    if character.isalnum() or character.isspace() or character in GLUE:
        return False
    if unicodedata.category(character)[0] == "M" or character in "\u200c\u200d":
        return False
    from ..distillation.tokenizer import affix_rules

    return re.search(affix_rules().infix_finditer, f"a{character}b") is None


def _print_report(info: LanguageInfo, report: TextReport) -> None:
    rows = [(script, f"{share:.1%}") for script, share in report.scripts.items()]
    msg.table(rows, header=("script", "share of letters"), aligns=("l", "r"), divider=True)
    expected = set(SCRIPTS[info.script])
    share = sum(s for name, s in report.scripts.items() if expected & set(SCRIPTS.get(name, ())))
    if share < ANOTHER_SCRIPT:
        msg.warn(
            f"{report.path} is written in {next(iter(report.scripts))}, expected {info.script}",
            f"Only {share:.1%} of its letters are {info.script}. Is it the right text? If so, give "
            "--script.",
        )
    if report.unsplit:
        signs = (
            f"U+{ord(c):04X} {unicodedata.name(c, 'without a name')}: {count:,}"
            for c, count in report.unsplit.items()
        )
        msg.warn("The tokenizer rules do not split these characters", "; ".join(signs))
