"""Translators: whatever turns sentences into sentences of another language."""

import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from ..corpora.files import atomic_write
from ..errors import XnerError
from ..teacher.annotate import text_fingerprint
from ..teacher.sources import name_or_digest
from .parallel import iter_lines

__all__ = [
    "CTranslate2Translator",
    "HuggingFaceTranslator",
    "Translator",
    "load_translator",
    "translate_file",
]

BATCH = 16
MAX_PIECES = 256
_CT2_MODEL = "model.bin"


class Translator(Protocol):
    """Translates sentences from one language into one other.

    fingerprint (str): Tells another model, or another pair of languages, from this one.
    """

    fingerprint: str

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate texts; one translation each, in their order, without line breaks."""
        ...


def load_translator(
    path: str | Path, source: str = "", target: str = "", *, beams: int = 4, prefix: str = ""
) -> Translator:
    """Load a translator.

    path (str | Path): A CTranslate2 folder, which holds `model.bin` and a tokenizer, or a Hugging
        Face sequence-to-sequence model: NLLB, M2M100, mT5 and their like; folder or name.
    source (str): The model's own code of the language to translate from, such as "eng_Latn".
    target (str): The code of the language to translate into; "" for models of one pair.
    beams (int): Width of the search.
    prefix (str): What is put before every text, such as "translate English to Hausa: ".
    RETURNS (Translator): The translator.
    RAISES: XnerError: There is no such model, or it does not know a language.
    """
    kind = CTranslate2Translator if (Path(path) / _CT2_MODEL).is_file() else HuggingFaceTranslator
    return kind(path, source, target, beams=beams, prefix=prefix)


class HuggingFaceTranslator:
    """A sequence-to-sequence model of transformers; see `load_translator`."""

    def __init__(
        self,
        path: str | Path,
        source: str = "",
        target: str = "",
        *,
        beams: int = 4,
        prefix: str = "",
    ) -> None:
        from safetensors import SafetensorError
        from transformers import AutoModelForSeq2SeqLM

        from ..encoders.load import own_code, quiet

        self.tokenizer = _tokenizer(path, source)
        try:
            with quiet():
                self.module: Any = AutoModelForSeq2SeqLM.from_pretrained(
                    str(path), use_safetensors=True, trust_remote_code=False
                ).eval()
        except (OSError, ValueError, SafetensorError) as error:
            if "trust_remote_code" in str(error):
                raise XnerError(own_code(path)) from error
            raise XnerError(
                f"{path} does not load as a translator: {error}. Expected a folder or the name of "
                "a sequence-to-sequence model, its weights as safetensors."
            ) from error
        self.beams, self.prefix = beams, prefix
        self._first = _language(self.tokenizer, target, path)
        self.fingerprint = f"{name_or_digest(path)} {source} {target} {beams} {prefix}"

    def translate(self, texts: Sequence[str]) -> list[str]:
        import torch

        def run(batch: list[str]) -> list[str]:
            inputs = self.tokenizer(
                batch, return_tensors="pt", padding=True, truncation=True, max_length=MAX_PIECES
            )
            inputs.pop("token_type_ids", None)
            with torch.inference_mode():
                ids = self.module.generate(
                    **inputs.to(self.module.device),
                    num_beams=self.beams,
                    max_new_tokens=MAX_PIECES,
                    **({} if self._first is None else {"forced_bos_token_id": self._first}),
                )
            return list(self.tokenizer.batch_decode(ids, skip_special_tokens=True))

        return _by_length(run, [self.prefix + text for text in texts])


class CTranslate2Translator:
    """A model that `ct2-transformers-converter --copy_files tokenizer.json ...` converted.

    See `load_translator`.
    """

    def __init__(
        self,
        path: str | Path,
        source: str = "",
        target: str = "",
        *,
        beams: int = 4,
        prefix: str = "",
    ) -> None:
        try:
            import ctranslate2
        except ImportError as error:
            raise XnerError(
                f"{path} is a CTranslate2 model, which needs a library that is not installed: "
                "pip install 'spacy-xner[ctranslate2]'"
            ) from error
        self.tokenizer = _tokenizer(path, source)
        try:
            self._model: Any = ctranslate2.Translator(str(path), device="cpu")
        except (RuntimeError, ValueError) as error:
            raise XnerError(f"{path} does not load as a CTranslate2 model: {error}.") from error
        self.beams, self.prefix, self.target = beams, prefix, target
        _language(self.tokenizer, target, path)
        self.fingerprint = f"{name_or_digest(path)} {source} {target} {beams} {prefix}"

    def translate(self, texts: Sequence[str]) -> list[str]:
        tokens_of = self.tokenizer.convert_ids_to_tokens

        def run(batch: list[str]) -> list[str]:
            ids = self.tokenizer(batch, truncation=True, max_length=MAX_PIECES)["input_ids"]
            results = self._model.translate_batch(
                [tokens_of(one) for one in ids],
                target_prefix=[[self.target] for _ in batch] if self.target else None,
                beam_size=self.beams,
                max_decoding_length=MAX_PIECES,
            )
            found = [self.tokenizer.convert_tokens_to_ids(one.hypotheses[0]) for one in results]
            return list(self.tokenizer.batch_decode(found, skip_special_tokens=True))

        return _by_length(run, [self.prefix + text for text in texts])


def _tokenizer(path: str | Path, source: str) -> Any:
    from ..encoders.load import load_tokenizer

    try:
        tokenizer = load_tokenizer(path)
    except OSError as error:
        raise XnerError(
            f"{path} has no tokenizer ({str(error).splitlines()[0]}). Expected a folder that holds "
            "tokenizer.json beside the model, or a name that the Hugging Face hub knows."
        ) from error
    if source:
        _language(tokenizer, source, path)
        tokenizer.src_lang = source
    return tokenizer


def _language(tokenizer: Any, code: str, path: str | Path) -> int | None:
    """Number of the piece that stands for a language."""
    if not code:
        return None
    number = tokenizer.get_vocab().get(code)
    if number is None:
        known = [t for t in tokenizer.all_special_tokens if t not in tokenizer.special_tokens_map]
        raise XnerError(
            f"{path} does not know the language {code!r}. Its languages are pieces of its own "
            f"spelling, such as {', '.join(known[-3:]) or 'eng_Latn (NLLB) or __en__ (M2M100)'}."
        )
    return int(number)


def _by_length(run: Callable[[list[str]], list[str]], texts: Sequence[str]) -> list[str]:
    """Translate in batches of texts of like length; an empty text is its own translation."""
    order = sorted(
        (i for i, text in enumerate(texts) if text.strip()), key=lambda i: -len(texts[i])
    )
    results = [""] * len(texts)
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        for place, text in zip(places, run([texts[i] for i in places]), strict=True):
            results[place] = " ".join(text.split())
    return results


def translate_file(
    translator: Translator,
    source: str | Path,
    target: str | Path,
    *,
    chunk: int = 64,
    report: Callable[[int], None] = lambda lines: None,
) -> None:
    """Translate a file line by line; go on where an interrupted run stopped.

    translator (Translator): Translates; whatever it raises stops the run, and what was translated
        stands in `<target>.part`.
    source (str | Path): Text, a sentence a line; empty lines stay empty.
    target (str | Path): The file to write, whole or not at all.
    chunk (int): Lines that are translated, and written, together.
    report (Callable[[int], None]): Called with the lines done after each chunk.
    RAISES: XnerError: `source` cannot be read, or `<target>.part` was begun by another translator.
    """
    target = Path(target)
    part = target.with_name(target.name + ".part")
    stamp = json.dumps([translator.fingerprint, text_fingerprint(Path(source))])
    done = _begun(part, stamp)
    lines = islice(iter_lines(source), done, None)
    while batch := list(islice(lines, chunk)):
        texts = [line for line in batch if line]
        translated = iter(translator.translate(texts))
        with part.open("a", encoding="utf8") as file:
            file.write("".join((next(translated) if line else "") + "\n" for line in batch))
        done += len(batch)
        report(done)
    with atomic_write(target) as whole:
        whole.write(part.read_bytes().split(b"\n", 1)[1])
    part.unlink()


def _begun(part: Path, stamp: str) -> int:
    """Number of lines that an earlier run wrote; a last line that was cut off is taken away."""
    if not part.exists():
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(stamp + "\n", "utf8")
        return 0
    content = part.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole.split(b"\n", 1)[0] != stamp.encode("utf8"):
        raise XnerError(
            f"{part} was begun by another translator or from another text. Delete it, or name "
            "another target."
        )
    if whole != content:
        part.write_bytes(whole)
    return whole.count(b"\n") - 1
