"""Explanations as HTML, in the look of displaCy: the entity framed, words shaded by their value."""

from collections.abc import Sequence
from html import escape

from .explanations import Explanation

__all__ = ["LEGEND", "SHADING_CSS", "explanation_html", "page"]

SHADING_CSS = """
:root { color-scheme: light dark; --ink: #1b1e23; --paper: #ffffff; --line: #c8ccd2;
  --quiet: #5a626d; --for: 214, 94, 0; --against: 0, 98, 178; --frame: #1b1e23; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16181c; --line: #3b4149;
  --quiet: #a3abb6; --for: 240, 134, 52; --against: 84, 160, 235; --frame: #e8eaed; } }
.xner-words { line-height: 2.4; margin: .3em 0 .2em; overflow-wrap: anywhere; }
.xner-word { border-radius: .25em; padding: .15em .2em; }
.xner-entity { border: 2px solid var(--frame); border-radius: .35em; padding: .2em .25em; }
.xner-entity > b { font-size: .72em; margin-left: .4em; letter-spacing: .03em; }
.xner-facts, .xner-legend { color: var(--quiet); font-size: .85em; margin: 0 0 1.1em; }
.xner-legend span { color: var(--ink); padding: .1em .4em; border-radius: .25em; }
"""
PAGE_CSS = """
body { margin: 0 auto; max-width: 46rem; padding: 1.2rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; }
"""
LEGEND = (
    '<p class="xner-legend">The framed words are the entity. '
    '<span style="background: rgba(var(--for), .55)">Orange words speak for its type</span>, '
    '<span style="background: rgba(var(--against), .55)">blue words against it</span>; '
    "the stronger the colour, the more they do. Point at a word for its value.</p>"
)


def explanation_html(each: Explanation) -> str:
    """Write one explanation as a piece of HTML.

    each (Explanation): The explanation.
    RETURNS (str): HTML; `SHADING_CSS` styles it.
    """
    largest = max((abs(value) for value in each.shap), default=0.0) or 1.0
    pieces = []
    for i, (word, value, space) in enumerate(zip(each.words, each.shap, each.spaces, strict=True)):
        # A root, so that weaker words are still told apart from none.
        alpha = 0.75 * (abs(value) / largest) ** 0.7
        side = "for" if value > 0 else "against"
        shade = f"rgba(var(--{side}), {alpha:.2f})" if alpha > 0.04 else "none"
        title = f"{value:+.2f} log-odds"
        text = f'<span class="xner-word" style="background: {shade}" title="{title}">'
        text += f"{escape(word)}</span>"
        if i == each.start:
            text = f'<span class="xner-entity">{text}'
        if i == each.end - 1:
            text += f"<b>{escape(each.label)}</b></span>"
        pieces.append(text + (" " if space else ""))
    strongest = sorted(range(len(each.words)), key=lambda i: -abs(each.shap[i]))[:3]
    named = ", ".join(f"{escape(each.words[i])} {each.shap[i]:+.1f}" for i in strongest)
    how = "all" if each.exact else "sampled"
    facts = (
        f"{escape(each.label)} with probability {each.probability:.2f}. Log-odds from "
        f"{each.base:+.1f} (no word known) to {each.value:+.1f}. Most: {named}. "
        f"Over {how} coalitions."
    )
    return (
        f'<div class="xner-words" dir="auto">{"".join(pieces)}</div>'
        f'<p class="xner-facts">{facts}</p>'
    )


def page(explanations: Sequence[Explanation], title: str) -> str:
    """Write explanations as one self-contained page.

    explanations (Sequence[Explanation]): The explanations; none give a page that says so.
    title (str): Its heading.
    RETURNS (str): HTML.
    """
    body = "".join(map(explanation_html, explanations)) or "<p>The model finds no entity here.</p>"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{SHADING_CSS}{PAGE_CSS}</style></head>"
        f"<body><h1>{escape(title)}</h1>{LEGEND}{body}</body></html>\n"
    )
