"""What pages share: templates, embedded data, mathematics, and warnings that a preset calls for."""

import base64
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from latex2mathml.converter import convert
from markupsafe import Markup

from neuron_race.evidence import phrases
from neuron_race.settings import changes

HERE = Path(__file__).parent
# Colours of verdicts by status.
TONES = {
    **{"supported": "good", "partly supported": "mixed"},
    **{"not supported": "bad", "inconclusive": "mixed"},
}
OWN = "your own network"  # in the place of a preset
EXPLORATORY_SEEDS = range(3)  # docs/history.md says what they were used for

TEMPLATES = Environment(
    loader=FileSystemLoader(HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


MATHML = "http://www.w3.org/1998/Math/MathML"
# Characters that latex2mathml takes and for which the font, or MathML's table of operators, has
# better ones: hat, tilde, product dot, perpendicular.
BETTER = str.maketrans("^~\u00b7\u27c2", "\u02c6\u02dc\u22c5\u22a5")
BARS = ("|", "\u2016")
SIGNS = ("\u2212", "+", "\u00b1", "\u2202", "\u2207")
TIGHT = (*BARS, "/", ".")  # without the space of an operator
VARIANTS = {("bold", "1"): "\U0001d7cf", ("double-struck", "R"): "\u211d"}
THIN = "0.167em"


def asset(name: str) -> Markup:
    """Text of a style sheet or script beside this module, to be put into the page as it is."""
    return Markup((HERE / name).read_text(encoding="utf-8"))


def embed(content: Any) -> Markup:
    """JSON for a ``<script type="application/json">``: nothing in it can end the element."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def warnings(preset: str, changed: Mapping[str, Sequence[Any]], seeds: Sequence[int]) -> list[str]:
    """What a reader must know before reading any number on the page."""
    found = []
    if preset == "smoke":
        found.append(phrases.SMOKE)
    if preset == OWN:
        found.append(
            "A network of your own, read while it trained. Time is counted in steps, and readings "
            "are evenly spaced. There are no forecast, no drop with its phases, and no gates for "
            "each sample: these are not known of it."
        )
    if changed:
        found.append(f"Not the settings of preset {preset}: {changes.words(changed)}.")
    if set(seeds) & set(EXPLORATORY_SEEDS):
        found.append("Exploratory seeds: runs that helped to set thresholds confirm nothing.")
    return found


def render(
    name: str,
    preset: str,
    changed: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
    provenance: Mapping[str, Any],
    scripts: Sequence[str] = (),
    **context: Any,
) -> str:
    """Fill the template ``<name>.html`` with its style sheet and script.

    Args:
        name: such as ``explorer``.
        preset: name of the preset.
        changed: settings that differ from the preset's, see
            :func:`neuron_race.settings.changes.changes`.
        seeds: seeds of the runs shown.
        provenance: see :func:`neuron_race.common.storage.provenance`; put into the page's foot.
        scripts: files of the page's script in their order.
        context: whatever else the template reads.
    """
    return TEMPLATES.get_template(f"{name}.html").render(
        style=asset("page.css") + asset(f"{name}.css"),
        script=Markup().join(asset(script) for script in scripts),
        preset=f"{preset}, changed" if changed else preset,
        seeds=spans(seeds),
        warnings=warnings(preset, changed, seeds),
        versions=provenance["versions"],
        provenance=embed(provenance),
        **context,
    )


def spans(seeds: Sequence[int]) -> str:
    """Seeds as people write them: ``300–319`` where they follow one another."""
    if not seeds:  # of a run that a user watched
        return "unknown here"
    first, last = min(seeds), max(seeds)
    if len(seeds) > 2 and sorted(seeds) == list(range(first, last + 1)):
        return f"{first}–{last}"
    return ", ".join(map(str, seeds))


def math_style() -> Markup:
    """Style sheet with which equations are set in STIX Two Math, whatever fonts a reader has.

    The font's table of mathematical constants is what puts indices, hats and fractions in place.
    """
    font = (HERE / "math.woff").read_bytes()
    packed = base64.b64encode(font).decode("ascii")
    return Markup(
        f'@font-face {{ font-family: "Page Math"; src: url("data:font/woff;base64,{packed}"); }}\n'
        'math { font-family: "Page Math", math; font-size: 1.08em; }\n'
    )


def mathml(body: str, display: str = "inline") -> Markup:
    """An equation as MathML: browsers draw it, and screen readers read it out.

    Args:
        body: LaTeX, without dollars.
        display: ``inline`` or ``block``.
    """
    ET.register_namespace("", MATHML)
    tree = ET.fromstring(convert(body, display=display))
    for parent in tree.iter():
        _join_letters(parent)
        _set_apart_functions(parent)
        _mark_signs(parent)
    for node in tree.iter():
        name = _name(node)
        node.text = node.text and node.text.translate(BETTER)
        if name == "mover":
            node.set("accent", "true")
            if _name(node[0]) == "mrow":  # a hat over several letters is as wide as they are
                node[1].text = (node[1].text or "").replace("^", "\u0302")
                node[1].set("stretchy", "true")
        elif name == "mo" and node.text in TIGHT:
            node.attrib |= {"lspace": "0", "rspace": "0"}
        # Browsers draw no variant but the normal one; the others are characters of their own.
        variant = (node.get("mathvariant", "normal"), node.text or "")
        node.text = VARIANTS.get(variant, node.text)
    return Markup(ET.tostring(tree, encoding="unicode"))


def markdown(source: str) -> Markup:
    """Markdown with equations between dollars as HTML; headings get anchors.

    Between two dollars is one line. In a table's cell ``|`` ends the cell, in an equation too;
    ``\\|`` stays what it is in LaTeX, the double bar of a norm.
    """
    import mistune  # not every page has prose

    class Renderer(mistune.HTMLRenderer):
        """Equations as MathML; headings with anchors."""

        def block_math(self, text: str) -> str:
            return mathml(text, "block")

        def inline_math(self, text: str) -> str:
            return mathml(text)

        def heading(self, text: str, level: int, **attrs: Any) -> str:
            return super().heading(text, level, id=_anchor(text))

        def block_code(self, code: str, info: str | None = None) -> str:
            """Long lines scroll, with the keyboard too."""
            return super().block_code(code, info).replace("<pre>", '<pre tabindex="0">', 1)

    made = mistune.create_markdown(renderer=Renderer(escape=False), plugins=["table", "math"])
    return Markup(made(source))


def _anchor(heading: str) -> str:
    words = re.sub("<.*?>", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")


def _name(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def _join_letters(parent: ET.Element) -> None:
    """Upright letters in a row are one word (``sign``), not a product."""
    before: ET.Element | None = None
    for node in list(parent):
        upright = _name(node) == "mi" and node.get("mathvariant") == "normal"
        if upright and before is not None:
            before.text = f"{before.text}{node.text}"
            parent.remove(node)
        else:
            before = node if upright else None


def _mark_signs(parent: ET.Element) -> None:
    """A minus or plus after another operator is a sign, and close to what it belongs to."""
    before: ET.Element | None = None
    for node in parent:
        if node.text in SIGNS and before is not None and _opens(before):
            node.attrib |= {"form": "prefix", "lspace": "0", "rspace": "0"}
        before = node


def _set_apart_functions(parent: ET.Element) -> None:
    """A thin space around names of functions (cosh, log), but none inside brackets' edges."""
    row = list(parent) if _name(parent) in ("mrow", "math") else []
    for before, node, after in zip([None, *row], row, [*row[1:], None], strict=False):
        if not _is_function(node):
            continue
        at = list(parent).index(node)
        if after is not None and _name(after) not in ("mo", "mspace"):
            parent.insert(at + 1, ET.Element(f"{{{MATHML}}}mspace", width=THIN))
        if before is not None and not (
            _opens(before) or _is_function(before) or _name(before) == "mspace"
        ):
            parent.insert(at, ET.Element(f"{{{MATHML}}}mspace", width=THIN))


def _is_function(node: ET.Element) -> bool:
    core = node[0] if _name(node) in ("msub", "msup", "msubsup") and len(node) else node
    return _name(core) == "mi" and len(core.text or "") > 1


def _opens(node: ET.Element) -> bool:
    """Whether it is an operator after which something begins: no closing bracket, and no bar."""
    return _name(node) == "mo" and node.text not in (")", "]", *BARS)
