"""The verdict as JUnit XML, which CI systems show: one test case for each engine."""

from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from snnc.toolchain.errors import printable


def junit(content: dict[str, Any]) -> str:
    """Return JUnit XML of a report: an engine that differs is a failure, one that was left out is skipped."""
    verdict = content["verdict"]
    engines = {name: engine for name, engine in verdict["engines"].items() if name != verdict["baseline"]}
    wrong = [name for name, engine in engines.items() if not engine["equal"]]
    counts = {"tests": len(engines) + len(verdict["left_out"]), "failures": len(wrong), "errors": 0}
    name = printable(f"snnc simulate: {content['name']}")
    seconds = f"{sum(engine['seconds'] for engine in verdict['engines'].values()):.3f}"
    attributes = {"name": name, "time": seconds, "skipped": str(len(verdict["left_out"]))}
    suite = Element("testsuite", attributes | {key: str(value) for key, value in counts.items()})
    for engine, found in engines.items():
        what = f"{engine} equals {verdict['baseline']} on {found['compared']} samples, {found['layers']} layers, "
        case = _case(suite, content, f"{what}{found['steps']} steps", f"{found['seconds']:.3f}")
        if not found["equal"]:
            first = engine in content["difference"]["engines"]
            said = verdict["line"] if first else f"{engine} differs as well; first of all is {verdict['line']}"
            failure = SubElement(case, "failure", message=printable(said))
            failure.text = printable(_around(content["difference"])) if first else None
    for engine, reason in verdict["left_out"].items():
        SubElement(_case(suite, content, f"{engine} equals {verdict['baseline']}", "0"), "skipped", message=printable(reason))
    SubElement(suite, "system-out").text = printable(f"{verdict['line']}\n{verdict['command']}")
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _case(suite: Element, content: dict[str, Any], name: str, seconds: str) -> Element:
    return SubElement(suite, "testcase", classname=printable(content["name"]), name=name, time=seconds)


def _around(difference: dict[str, Any]) -> str:
    """Return the neuron at the first difference in both engines, and the command that shows it."""
    rows = [f"{engine}: {key} {values}" for engine, seen in difference["engines"].items() for key, values in seen.items()]
    return "\n".join([difference["line"], f"steps {difference['steps']}", *rows, difference["command"]])
