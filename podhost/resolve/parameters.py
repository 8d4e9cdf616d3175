"""The values of a stack's parameters, from the host file or from their defaults."""

from __future__ import annotations

from collections.abc import Mapping as Values

from podhost.document import Mapping, Node, Scalar, Sequence, locate, node_of
from podhost.library import StackFolder
from podhost.problems import Mark, Report, did_you_mean
from podhost.spec import types as kinds
from podhost.spec.stack import Parameter
from podhost.spec.types import SCALARS
from podhost.templates import Templates


def parameters(
    folder: StackFolder, given: Node, mark: Mark, templates: Templates, report: Report
) -> tuple[dict[str, object], dict[str, Mark]]:
    """Give each parameter its value, and tell where the host file has it. `given` is the mapping that `mark` names.

    A default may be a template over the parameters declared before it.
    """
    known = folder.spec.parameters
    pairs = given.pairs if isinstance(given, Mapping) else {}
    for name in pairs.keys() - known.keys():
        assert isinstance(given, Mapping)
        report.error(
            f"the stack '{folder.spec.stack}' has no parameter '{name}'",
            given.key_marks[name],
            did_you_mean(name, known),
        )
    values: dict[str, object] = {}
    places: dict[str, Mark] = {}
    for name, parameter in known.items():
        node = pairs.get(name)
        wanted = _wanted(folder, name, values, report)
        if node is not None and not wanted:
            report.warning(
                f"'{name}' does nothing without '{parameter.option}'",
                node.mark,
                f"add {parameter.option}: {_on(known[str(parameter.option)])}, or remove '{name}'",
            )
        if node is None and parameter.default is None:
            if not wanted:
                values[name] = ""
                continue
            place = places.get(str(parameter.option), mark)
            report.error(f"'{name}' is missing: {parameter.summary}", place, f"add {name}: {parameter.example or '…'}")
            continue
        if node is None:
            place, default = locate(folder.node, ("parameters", name, "default"))
            node = default
            if isinstance(default, Scalar):
                broken = Report()
                node = Scalar(templates.text(default.text, place, values, broken), False, None, place)
                if broken.failed:
                    if not report.failed:  # what a default is made of was wrong, and has been reported
                        report.extend(broken)
                    continue
        else:
            places[name] = node.mark
        if parameter.default == "" and isinstance(node, Scalar) and node.value == "":
            values[name] = kinds.string("") if parameter.type in ("string", "email") else ""
            continue
        value = _read(parameter, node, report)
        if value is not None:
            values[name] = value
    return values, places


def _wanted(folder: StackFolder, name: str, values: Values[str, object], report: Report) -> bool:
    """Whether the option that a parameter belongs to is on."""
    option = folder.spec.parameters[name].option
    if option is None:
        return True
    before = tuple(folder.spec.parameters)[: tuple(folder.spec.parameters).index(name)]
    if option not in before:
        report.error(
            f"no parameter '{option}' is declared before '{name}'",
            locate(folder.node, ("parameters", name, "option"))[0],
            did_you_mean(option, before),
        )
    return bool(values.get(option, True))  # one that is wrong has been reported


def _on(option: Parameter) -> str:
    """A value that switches an option on."""
    return option.example or {"boolean": "true", "integer": "1"}.get(option.type, "…")


def _read(parameter: Parameter, node: Node, report: Report) -> object:
    if parameter.type == "list":
        items = node.items if isinstance(node, Sequence) else None
        if items is None and isinstance(node, Scalar):  # as --set writes a list
            items = [node_of(each.strip(), node.mark) for each in node.text.split(",") if each.strip()]
        if items is None:
            report.error("here stands a mapping, and not a list", node.mark, parameter.summary)
            return None
        values = [_scalar(parameter.items, item, report) for item in items]
        return None if None in values else tuple(values)
    if parameter.type != "enum":
        value = _scalar(parameter.type, node, report)
        if parameter.type == "integer" and isinstance(value, int):
            _check_range(parameter, value, node.mark, report)
        return value
    text = _scalar("string", node, report)
    if text is not None and text not in parameter.values:
        report.error(f"'{text}' is not one of the values", node.mark, did_you_mean(str(text), parameter.values))
        return None
    return text if text is None else str(text)


def _scalar(kind: str, node: Node, report: Report) -> object:
    if not isinstance(node, Scalar) or node.value is None:
        found = {Scalar: "nothing", Sequence: "a list", Mapping: "a mapping"}[type(node)]
        hint = "put it in quotes if it is text" if kind == "string" else ""
        report.error(f"here stands {found}, and not {SCALARS[kind].summary}", node.mark, hint)
        return None
    try:
        return SCALARS[kind].parse(node.text)
    except ValueError as error:
        report.error(str(error.args[0]), node.mark, error.args[1] if len(error.args) > 1 else "")
        return None


def _check_range(parameter: Parameter, value: int, mark: Mark, report: Report) -> None:
    low, high = parameter.minimum, parameter.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        limits = [f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else ""]
        report.error(f"{value} is out of range", mark, " and ".join(filter(None, limits)))
