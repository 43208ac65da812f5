"""Keyword arguments, from the engine's one definition of its options."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Optional

from microglia import _native
from microglia._errors import OptionError

__all__ = ["Option", "canonical", "docstring", "run_options", "search_options", "signature", "study_options"]

Option = dict[str, Any]


@lru_cache(maxsize=None)
def run_options() -> dict[str, Option]:
    """The options of a run, by name."""
    return {option["name"]: option for option in _native.options()}


@lru_cache(maxsize=None)
def study_options() -> dict[str, Option]:
    """The options of a study, by name."""
    return {option["name"]: option for option in _native.study_options()}


@lru_cache(maxsize=None)
def search_options() -> dict[str, Option]:
    """The options of a search, by name."""
    return {option["name"]: option for option in _native.search_options()}


@lru_cache(maxsize=None)
def _aliases() -> dict[str, str]:
    return {alias: name for name, option in run_options().items() for alias, _ in option["aliases"]}


def canonical(
    given: Mapping[str, Any], known: Optional[Collection[str]] = None, aliases: Optional[Mapping[str, str]] = None
) -> dict[str, Any]:
    """Arguments by the engine's own names; an alias is another library's name of one.

    Raises
    ------
    OptionError
        An argument that there is not, with the nearest one, or one that is given twice.
    """
    known = run_options() if known is None else known
    aliases = {**_aliases(), **(aliases or {})}
    named: dict[str, Any] = {}
    for name, value in given.items():
        own = name if name in known else aliases.get(name, name)
        if own not in known:
            import difflib

            own_names = [*known, *(alias for alias, of in aliases.items() if of in known)]
            near = difflib.get_close_matches(name, own_names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "docs/GUIDE.md lists every option"
            raise OptionError(f"`{name}`: unknown argument\n  help: {hint}", name)
        if named.get(own) is not None and value is not None:
            raise OptionError(f"`{own}`: `{name}` and another argument set it\n  help: give it once", own)
        if value is not None or own not in named:
            named[own] = value
    return named


def signature(options: Iterable[Option]) -> inspect.Signature:
    """A signature of keyword arguments; `None` leaves an option at its default."""
    self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    own = [inspect.Parameter(option["name"], inspect.Parameter.KEYWORD_ONLY, default=None) for option in options]
    return inspect.Signature([self, *own])


def docstring(first: str, options: Iterable[Option]) -> str:
    """A docstring in NumPy's style: a paragraph, and every argument."""
    lines = [first, "", "Parameters", "----------"]
    for option in options:
        also = ", ".join(f"``{alias}``" for alias, _ in option["aliases"])
        lines.append(f"{option['name']} : {type_words(option)}")
        text = option["help"] + (f" (also {also})" if also else "")
        default = f" Default: {option['default']}." if option["default"] else ""
        lines.append(f"    {text}.{default}")
    return "\n".join(lines) + "\n"


#: Python's type of each kind of option, as a stub writes it.
TYPES = {
    "switch": "bool",
    "whole": "int",
    "number": "float",
    "wholes": "Sequence[int] | str",
    "several": "Sequence[str] | str",
    "list": "Sequence[str | float] | str",
    "path": "str | os.PathLike[str]",
    "text": "str",
}


def annotation(option: Option) -> str:
    """The type of an argument, as a stub writes it."""
    unset = option["unset"]
    if option["kind"] == "words":
        words = [*option["words"], *([unset] if unset and unset not in option["words"] else [])]
        return f"Literal[{', '.join(repr(word) for word in words)}]"
    written = TYPES[option["kind"]]
    if option["kind"] == "text":
        written = "str | tuple[float, float]" if option["range"] else "str | int | float | Sequence[object]"
    if unset and not written.startswith("str") and "| str" not in written:
        written += f" | Literal[{unset!r}]"
    return written


def type_words(option: Option) -> str:
    """The type of an argument, for people."""
    if option["kind"] == "words":
        return "{" + ", ".join(repr(word) for word in option["words"]) + "}"
    return annotation(option).replace("Sequence[object]", "sequence").replace("os.PathLike[str]", "path")
