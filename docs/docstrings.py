"""What the API pages make of docstrings before they are read as Google's style."""

import re
from typing import Any

import griffe

LISTED = re.compile(r"^(\w+) +-- ", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Turns `Example:` into the section `Examples:`, and lines of `name -- what it is` into a list.

    Fields that are made by `setting(default, help, ...)` show their default alone.
    """

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one object."""
        if obj.docstring:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = LISTED.sub(r"- `\1`: ", text)
        for parameter in obj.parameters if isinstance(obj, griffe.Class) else ():
            value = parameter.default
            if isinstance(value, griffe.ExprCall) and str(value.function) == "setting":
                parameter.default = value.arguments[0]
