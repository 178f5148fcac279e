"""What all sections of app.yaml are made of."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


def named(pattern: str, wrong: str) -> AfterValidator:
    """Text of a form; ``wrong`` says in words what does not fit."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(wrong)
        return value

    return AfterValidator(check)


Name: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
HANDLE = "[a-z][a-z0-9-]{0,39}"
HANDLE_WORDS = "a name here is lower-case letters, digits and hyphens, a letter first"
Handle: TypeAlias = Annotated[str, named(HANDLE, HANDLE_WORDS)]
"""What a team or an inbox is called in app.yaml."""


class Model(BaseModel):
    """Frozen; a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
