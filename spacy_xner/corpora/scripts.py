"""Scripts: their codes, letters and punctuation, from Unicode names."""

import unicodedata

__all__ = ["NO_SPACES", "SCRIPTS", "punctuation_of", "script_of"]

# ISO 15924 code of a script and the first word of the Unicode names of its letters; several words
# by a comma. Scripts that share letters stand after the one that a letter alone is counted for.
_SCRIPT_NAMES = """
Adlm ADLAM   Arab ARABIC    Armn ARMENIAN  Bali BALINESE   Bamu BAMUM       Beng BENGALI
Bopo BOPOMOFO  Bugi BUGINESE  Cakm CHAKMA  Cans CANADIAN   Cham CHAM        Cher CHEROKEE
Cyrl CYRILLIC  Deva DEVANAGARI  Ethi ETHIOPIC  Geor GEORGIAN  Grek GREEK    Gujr GUJARATI
Guru GURMUKHI  Hang HANGUL  Hani CJK       Hans CJK        Hant CJK         Hebr HEBREW
Hira HIRAGANA  Java JAVANESE  Kali KAYAH   Kana KATAKANA   Jpan CJK,HIRAGANA,KATAKANA
Khmr KHMER   Knda KANNADA   Kore HANGUL,CJK  Laoo LAO      Latn LATIN       Lepc LEPCHA
Limb LIMBU   Lisu LISU      Medf MEDEFAIDRIN  Mend MENDE   Mlym MALAYALAM   Mong MONGOLIAN
Mtei MEETEI  Mymr MYANMAR   Nkoo NKO       Orya ORIYA      Osma OSMANYA     Plrd MIAO
Rohg HANIFI  Sinh SINHALA   Sund SUNDANESE  Syrc SYRIAC    Taml TAMIL       Telu TELUGU
Tfng TIFINAGH  Thaa THAANA  Thai THAI      Tibt TIBETAN    Vaii VAI         Yiii YI
"""
_FIELDS = _SCRIPT_NAMES.split()
SCRIPTS = {
    code: tuple(names.split(",")) for code, names in zip(_FIELDS[::2], _FIELDS[1::2], strict=True)
}
# Signs named after one script and written in others too (Unicode Script_Extensions).
SHARED_PUNCTUATION = {
    **dict.fromkeys(["Beng", "Gujr", "Guru", "Mtei", "Orya", "Taml", "Telu", "Knda"], "।॥"),
    **dict.fromkeys(["Adlm", "Nkoo", "Rohg", "Syrc", "Thaa"], "،؛؟"),
}
# Without spaces between words, or with a separator of their own: xx finds no words in them.
NO_SPACES = {"Hani", "Hans", "Hant", "Hira", "Jpan", "Kana", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"}


def punctuation_of(script: str) -> str:
    """Find the punctuation that a script has beyond what all scripts share.

    script (str): ISO 15924 code, a key of `SCRIPTS`.
    RETURNS (str): Its signs, in code point order.
    """
    prefixes = tuple(f"{prefix} " for prefix in SCRIPTS[script])
    own = (
        chr(code)
        for code in range(0x80, 0x20000)  # planes beyond hold ideographs
        if unicodedata.category(chr(code))[0] == "P"
        and unicodedata.name(chr(code), "").startswith(prefixes)
    )
    return "".join(own) + SHARED_PUNCTUATION.get(script, "")


def script_of(letter: str) -> str:
    """Find the script of a letter.

    letter (str): One character.
    RETURNS (str): ISO 15924 code, or "other". Of scripts that share letters, the first: Hani.
    """
    name = unicodedata.name(letter, "")
    return next(
        (s for s, prefixes in SCRIPTS.items() if any(name.startswith(f"{p} ") for p in prefixes)),
        "other",
    )
