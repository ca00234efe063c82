"""Quantity and unit of a column, from its name and its unit.

A unit stands in a line of its own, in brackets, behind ``/``, ``,`` or ``in``, or is the last word. What
stands in brackets and is neither a unit nor a description (a number, a channel, *measured*) makes the
column useless: a unit that is not understood is never taken as 1.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

__all__ = ["Column", "Quantity", "column", "direction", "is_cycle", "is_unit", "unit_of"]

Quantity = Literal["voltage", "current", "time", "temperature", "resistance", "index"]
LONGEST_NAME = 200
"""Characters of a column name that are used."""

_PREFIX = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_PREFIX_NAME = {"femto": "f", "pico": "p", "nano": "n", "micro": "u", "mikro": "u", "milli": "m", "kilo": "k"}
_PREFIX_NAME |= {"mega": "M", "giga": "G"}
_SYMBOL: dict[str, Quantity] = {"V": "voltage", "A": "current", "s": "time", "ohm": "resistance"}
_UNIT_NAME = {
    r"v(olts?)?": "V",
    r"a(mps?|mperes?|mpère)?": "A",
    r"s(ec|ecs|ek|econds?|ekunden?)?": "s",
    r"ohms?|Ω|Ω": "ohm",
}
_LONG: dict[str, float] = {
    r"min(s|utes?|uten?)?": 60.0,
    r"h|hrs?|hours?|std|stunden?": 3600.0,
    r"d|days?|tage?": 86400.0,
}
_BRACKETS = r"[(\[{]([^()\[\]{}]*)(?:[)\]}]|$)"
_CELSIUS = re.compile(r"(°|deg\.? ?|º)c|celsius|c", re.IGNORECASE)
_KELVIN = re.compile(r"k(elvin)?", re.IGNORECASE)

# Words that make a column another quantity than the rest of its name says.
_OTHER = {
    "a limit": r"compl\w*|cc|icc|i?lim(it|its|ited)?|vlim\w*|icomp\w*|vcomp\w*|protection|begrenzung|clamp",
    "a range": r"\w*range|\w*bereich|rng|ranging",
    "a density": r"density|dichte|j|stromdichte|densité",
    "a logarithm": r"log\d*|ln|lg|\w+log",
    "a derivative": r"derivative|d[iv]d[vit]|d[iv]|gradient|slope|ableitung",
    "statistics": r"std\w*|stdev|sigma|err|error|uncertainty|noise|var|variance|rms|deviation|accuracy",
    "status": r"status|flags?|mode|overload|ovld|ok|error|fault|valid|quality",
    "another quantity": r"power|leistung|watts?|pwr|energy|charge|capacitance|conductance|ratio|field|freq\w*|phase",
    "a setting": r"offset|scale|gain|attenuation|delay|digits|nplc|averag\w+|terminal|trigger",
}
_COUNT = r"index|idx|no|nr|num|number|points?|pts?|count(er)?|samples?|row|sequence|seq|record|#|messpunkt|n"
_ORDINAL = (
    r"cycles?|sweeps?|loops?|runs?|scans?|segments?|steps?|repeats?|repetitions?|zyklus|iteration|traces?|curves?"
)
_DEVICE = r"dev(ices?)?|cells?|dut|chips?|die|specimens?|junctions?|memristors?|bauteil"
_CHANNEL = (
    r"ch(an|annel)?\d*[a-d]?|c\d|kanal|trace\d*|probe|ai\d*|amplitude?|ampl|y|signal|untitled|wfm|waveform|analog"
)
_WORDS: dict[Quantity, str] = {
    "time": r"time\w*|elapsed|seconds?|secs?|zeit\w*|temps|tiempo|timestamp|xvalue|abscissa",
    "current": r"\w*current|curr|strom\w*|courant|corriente|amps?|amperes?|amperage",
    "voltage": r"\w*voltage|volts?|volt|bias|potential|spannung\w*|tension|ewe|output|input|voltaje|vout|vin",
    "temperature": r"temp|temperatur\w*|thermo\w*|kelvin",
    "resistance": r"resistance|res|widerstand\w*|ohms?",
}
_NOT_I = (
    r"in|inp|int|ind|inf|is|if|it|ion|id\w{2,}|ir|iv|inc|init|info|item|image|imp\w*|ins\w*|inter\w*|ite\w*|idle|ide\w*"
)
_NOT_V = r"value\w*|val|var\w*|ver\w*|vol|volume|void|vec\w*|view|via|valid\w*|vs|vac|vacuum|velocity|vis\w*"
_LETTERS: dict[Quantity, str] = {
    "time": r"t|x",
    "current": rf"i\d*|(?!({_NOT_I})$)i[a-z]{{1,8}}\d*",
    "voltage": rf"[vu]\d*|(?!({_NOT_V})$)v[a-z]{{1,8}}\d*|u(in|out|set|ist|dut|ds|gs|th)\d*",
    "resistance": r"r\d*|rdut|rdev",
}
_PROGRAMMED = (
    r"set|setpoint|prog\w*|appl(y|ied)|sourced?|src|forced?|forcing|target|nominal|soll|drive|supply|"
    r"[viu](set|src|source|forced?|prog|appl\w*|in|supply|s)"
)
_MEASURED = (
    r"meas\w*|sensed?|read\w*|readback|actual|ist|monitor|dut|dev(ice)?|"
    r"[viu](meas\w*|sensed?|read|dut|dev|device|mon|monitor|out)"
)
_UP = r"up|forward|fwd|rising|increasing|heating|warming"
_DOWN = r"down|back|backward|reverse|rev|falling|decreasing|cooling|return"
_DESCRIPTION = (
    r"[\d.,#_ -]*|(ch|chan|channel|kanal|smu|pmu|c|dev|device|cycle|sweep|run|loop|dut|cell|port|trace)[ _-]?\d*[a-d]?|"
    r"meas\w*|prog\w*|set|source\w*|sense\w*|forced?|read\w*|abs\w*|relative|raw data|"
    rf"{_UP}|{_DOWN}|"
    r"[nrcx]\d+|out|in|ds|gs|hh?:mm(:ss)?\S*|pos(itive)?|neg(ative)?|top|bottom|anode|cathode|drain|gate|device|dut|dc|filtered|smoothed"
)


@dataclass(frozen=True)
class Column:
    """What the name of a column says."""

    number: int
    """Position in the table, from 0."""
    name: str
    """As it stands in the file."""
    quantity: Quantity | None
    """None if it is none of those that are read."""
    factor: float = 1.0
    """Its numbers times this are in the SI unit."""
    offset: float = 0.0
    """Added after that; not 0 for degrees Celsius."""
    role: Literal["programmed", "measured", ""] = ""
    """Whether a source set the quantity, or an instrument measured it; empty if the name does not say."""
    label: str = ""
    """What tells this column from others of its quantity: a number, a channel, a direction."""
    trouble: str = ""
    """Why the column cannot be used; empty if it can."""
    surely: bool = True
    """Whether name or unit states the quantity; False for the channel of an oscilloscope."""
    has_unit: bool = False
    """Whether a unit is stated; else the numbers are in the SI unit."""

    @property
    def usable(self) -> bool:
        """Whether it has a quantity, and a unit that is understood."""
        return self.quantity is not None and not self.trouble

    @property
    def shown(self) -> str:
        """Number and name, for messages."""
        return f"{self.number + 1} {self.name!r}" if self.name else str(self.number + 1)


def unit_of(text: str, hint: Collection[str | None] = ()) -> tuple[Quantity, float, float] | None:
    """Quantity, factor and offset of a unit.

    Parameters
    ----------
    text : str
        Such as ``mV``, ``micro ampere``, ``1e-6 A``, ``minutes`` or ``deg C``.
    hint : collection of str
        Quantities that the name may mean; for them, the case of the letters is ignored.

    Returns
    -------
    quantity : str
    factor : float
        Numbers times this are in volt, ampere, second, ohm or kelvin.
    offset : float
        Added after that, in kelvin.
    None
        If it is not a unit of these quantities.
    """
    text = text.replace("µ", "u").replace("μ", "u").replace("\u00a0", " ").strip().strip("'\"").strip()
    text = re.sub(r"\s+dc$", "", text, flags=re.IGNORECASE).rstrip(".")
    scale = 1.0
    if power := re.fullmatch(r"(?:1?[eE]|10\^\(?)([-+]?\d{1,2})\)?\s*[*·]?\s*(\D+)", text):
        scale, text = 10.0 ** int(power[1]), power[2]
    if _KELVIN.fullmatch(text) and (text == "K" or len(text) > 1 or "temperature" in hint):
        return "temperature", scale, 0.0
    if _CELSIUS.fullmatch(text) and (len(text) > 1 or "temperature" in hint):
        return "temperature", scale, 273.15
    for pattern, seconds in _LONG.items():
        if re.fullmatch(pattern, text, re.IGNORECASE) and (len(text) > 1 or "time" in hint):
            return "time", scale * seconds, 0.0
    prefix = ""
    for word, letter in _PREFIX_NAME.items():
        if text.lower().startswith(word):
            prefix, text = letter, text[len(word) :].lstrip(" -")
    if not prefix and (match := re.fullmatch(r"([fpnumkMG]?) ?(\S+)", text)):
        for stem, symbol in ((match[2], match[1]), (match[1] + match[2], "")):
            if named := _named(stem, symbol, hint):
                return named[0], named[1] * scale, 0.0
        upper = re.fullmatch(r"([FPNUMK])(V|A|S|SEC|OHM)", text)
        if upper and upper[1] != "M" and (named := _named(upper[2], upper[1].lower(), hint)):
            return named[0], named[1] * scale, 0.0
        return None
    found = _named(text, prefix, hint) if prefix else None
    return (found[0], found[1] * scale, 0.0) if found else None


def _named(text: str, prefix: str, hint: Collection[str | None]) -> tuple[Quantity, float] | None:
    """Quantity and factor of a unit without its prefix."""
    for pattern, symbol in _UNIT_NAME.items():
        if not re.fullmatch(pattern, text, re.IGNORECASE):
            continue
        quantity = _SYMBOL[symbol]
        letter = len(text) == 1 and text.isascii()
        if letter and text != symbol and quantity not in hint:
            return None
        if prefix in ("M", "G") and symbol != "ohm":
            return None  # no device has megaampere: mA in capitals, or a mistake
        return quantity, _PREFIX[prefix]
    return None


def is_unit(text: str) -> bool:
    """Tell whether a text is a unit that may stand in a line of units, those of other quantities included.

    Parameters
    ----------
    text : str
        A cell of the line, without brackets.
    """
    if unit_of(text) is not None or unit_of(text, ("temperature", "time", "voltage", "current")) is not None:
        return len(text) > 1 or text in "VAsKC"
    other = (
        r"[munpkM]?(W|Hz|F|C|S|J|Pa|T|bits?|deg|dB|rad|Oe|lx)|%|#|a\.?u\.?|arb\.? units?|sequence|"
        r"[munp]?[AV]/?\S{0,2}(cm|um|m)\W?\d?"
    )
    return bool(re.fullmatch(other, text, re.IGNORECASE)) and text.lower() not in ("t", "c")


def column(number: int, name: str, unit: str = "") -> Column:
    """Find what a column holds.

    Parameters
    ----------
    number : int
        Position, from 0.
    name : str
        Cell of the header.
    unit : str
        Cell of the line of units; empty if there is none.
    """
    shown = " ".join(name[:LONGEST_NAME].split())
    base, candidates, label = _parted(shown)
    if unit.strip("()[] "):
        candidates = [unit[:LONGEST_NAME].strip("()[] "), *candidates]
    words = _words(base)
    quantity, surely = _quantity(words, base)
    if quantity is None and (why := _other(words)):
        return Column(number, shown, None, trouble=why)
    hints = (quantity, "temperature", "time") if words and words[0] in ("t", "x") else (quantity,)
    trouble = ""
    found = None
    for text in candidates:
        found = unit_of(text, hints)
        if found:
            break
        if re.fullmatch(_DESCRIPTION, text, re.IGNORECASE) or (quantity == "time" and text in ("t", "T")):
            label += f" {text.lower()}"
        elif quantity == "index" or (text.lower() in ("sequence", "samples", "sample", "points", "pts")):
            return Column(number, shown, "index")
        else:
            trouble = trouble or f"the unit {text[:40]!r} is not understood"
    if found is None and not candidates and len(words) > 1 and quantity != "index":
        found = unit_of(_last(base), hints)
        if found and (not surely or quantity not in (None, found[0])):
            found = None
        if found and len(words[-1]) > 1:  # "Current A" may be that of device A too
            words = words[:-1]
    if found:
        trouble = ""
        loose = quantity is None or not surely or (words and words[0] in ("t", "x") and quantity == "time")
        if quantity not in (None, found[0]) and not loose:
            trouble = f"its name says {quantity}, its unit {found[0]}"
        quantity = found[0] if not trouble else quantity
        surely = True
    if quantity is None:
        return Column(number, shown, None, trouble=trouble)
    scale, offset = (found[1], found[2]) if found else (1.0, 0.0)
    text = " ".join([*words, *re.findall(r"[A-Za-z]+|\d+", label)])
    has_unit = found is not None
    return Column(number, shown, quantity, scale, offset, _role(text), _label(text), trouble, surely, has_unit)


def _parted(name: str) -> tuple[str, list[str], str]:
    """A name without its unit, the texts that may be the unit, and the rest of what stands in brackets."""
    candidates = [text.strip() for text in re.findall(_BRACKETS, name)]
    label = " ".join(text for text in candidates if re.fullmatch(r"\d*", text))
    candidates = [text for text in reversed(candidates) if not re.fullmatch(r"\d*", text)]
    name = re.sub(_BRACKETS, " ", name).strip(" .")
    if not candidates:
        for pattern in (r"^(.+?)\s*/\s*([^/]+)$", r"^(.*?)\s*\bin\s+(\S+)$", r"^(.+?)\s*,\s*([^,]+)$"):
            if found := re.match(pattern, name):
                return found[1], [found[2].strip()], label
    return name, candidates, label


def _words(base: str) -> list[str]:
    """The words of a name, in lower case; AnodeV and CH1V are two words each."""
    base = re.sub(r"([a-z0-9])([VI])$", r"\1 \2", base.replace("<", "").replace(">", "").replace("|", " "))
    base = re.sub(r"([a-z])([A-Z][a-z])", r"\1 \2", base)
    return [word for word in re.split(r"[^a-z0-9äöüéè#]+", base.lower()) if word]


def _last(base: str) -> str:
    return re.split(r"[\s_]+", base.strip())[-1]


def _is(pattern: str, word: str) -> bool:
    return re.fullmatch(pattern, word) is not None


def _other(words: list[str]) -> str:
    """What a column is, if it is none of the quantities."""
    for what, pattern in _OTHER.items():
        if any(_is(pattern, word) for word in words):
            return what
    return ""


def _quantity(words: list[str], base: str) -> tuple[Quantity | None, bool]:
    """Quantity by name, and whether it is stated; a channel is only likely a voltage."""
    if _other(words):
        return None, True
    for word in reversed(words):  # the last word counts: voltage source current
        for quantity, pattern in _WORDS.items():
            if _is(pattern, word):
                return quantity, True
    if words and _is(_COUNT, words[0]):
        return "index", True
    if words and _is(_ORDINAL, words[0]) and len(words) == 1:
        return None, True
    for word in words:
        for quantity, pattern in _LETTERS.items():
            if _is(pattern, word) and (quantity != "time" or word == words[0]):
                return quantity, not (word == "x" or (word == "t" and base.strip() == "T"))
    if any(_is(_CHANNEL, word) for word in words) or _is(r"\d{1,2}", base.strip()):
        return "voltage", False
    if any(_is(_COUNT, word) for word in words):
        return "index", True
    return None, True


def _role(text: str) -> Literal["programmed", "measured", ""]:
    words = text.split()
    if any(_is(_PROGRAMMED, word) for word in words):
        return "programmed"
    return "measured" if any(_is(_MEASURED, word) for word in words) else ""


def _label(text: str) -> str:
    """The words of a name that say neither quantity nor role; of Vtop, only ``top``."""
    kept = []
    for word in text.split():
        if any(_is(pattern, word) for pattern in _WORDS.values()):
            continue
        if _is(f"{_PROGRAMMED}|{_MEASURED}", word) and not _is(_DEVICE, word):
            continue
        if any(_is(_LETTERS[quantity], word) for quantity in ("voltage", "current")):
            word = word[1:]
        if _is(r"t|x|r", word):
            continue
        kept.append(word)
    return " ".join(word for word in kept if word)


def direction(label: str) -> Literal["up", "down"] | None:
    """Direction in which the column of a label was swept, if it says so.

    Parameters
    ----------
    label : str
        Label of a column.
    """
    words = re.findall(r"[a-z]+", label)
    if any(_is(_UP, word) for word in words):
        return "up"
    return "down" if any(_is(_DOWN, word) for word in words) else None


def is_cycle(label: str) -> bool:
    """Tell whether a label numbers the cycles of one device.

    Parameters
    ----------
    label : str
        Label of a column.
    """
    return any(_is(_ORDINAL, word) for word in re.findall(r"[a-z]+", label))
