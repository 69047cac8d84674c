"""Pydantic models in TOML files: shipped ones by name, others by path, each mistake with its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from genesis_lib.toml_file import TomlFile, TomlFileError, explain_unknown, parse_toml, read_content

Model = TypeVar("Model", bound="TomlTable")
_Item = TypeVar("_Item")
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Several = Annotated[tuple[_Item, ...], Field(strict=False)]  # TOML has lists only


class TomlTable(BaseModel):
    """A table of such a file: closed, and nothing is converted to what it is not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def mistake(reason: str, *where: str | int) -> PydanticCustomError:
    """What a validator of a whole table raises about a member deep in it, which these keys and positions lead to."""
    return PydanticCustomError("mistake", "{reason}", {"reason": reason, "where": where})


def find_file(name_or_path: str | Path, folders: Sequence[Path], error: type[TomlFileError]) -> Path:
    """The file of this name in one of the folders, or at this path when it ends in .toml.

    Raises:
        TomlFileError: there is none of that name; says which there are.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return path
    files = files_in(folders)
    if str(name_or_path) not in files:
        known = ", ".join(sorted(files))
        raise error(path, None, f"there is none of that name; known are {known}; a file is named by its path, x.toml")
    return files[str(name_or_path)]


def files_in(folders: Sequence[Path]) -> dict[str, Path]:
    """The files in the folders by name; of the same name in two, that in the later folder."""
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def load_model(model: type[Model], path: Path, error: type[TomlFileError]) -> Model:
    """Read a file. Blocks while it reads.

    Raises:
        TomlFileError: it cannot be read, or does not fit the model; of the given class.
    """
    file = parse_toml(read_content(path, error), path, error)
    try:
        return model.model_validate(file.table)
    except ValidationError as refused:
        _refuse(file, model, refused.errors(include_url=False)[0])


def _refuse(file: TomlFile, model: type[BaseModel], problem: ErrorDetails) -> NoReturn:
    where = list(problem["loc"])
    match problem["type"]:
        case "missing":
            missing = where.pop()
            reason = f"{missing} is missing"
        case "extra_forbidden":
            reason = explain_unknown(str(where[-1]), _members_at(model, where[:-1]))
        case "mistake":
            where += problem["ctx"]["where"]
            reason = problem["msg"]
        case _:
            if where[-1] == "[key]":
                where.pop()
            name = next((str(step) for step in reversed(where) if isinstance(step, str)), "")
            wanted = problem["msg"].replace("tuple", "list")
            reason = f"{name}: {wanted[:1].lower()}{wanted[1:]}; this is {problem['input']!r}"
    raise file.refusal(reason, *where) from None


def _members_at(model: type[BaseModel], where: Sequence[str | int]) -> list[str]:
    """The members of the table that these steps lead to."""
    for step in where:
        if isinstance(step, str):
            model = _table_in(model.model_fields[step].annotation)
    return list(model.model_fields)


def _table_in(annotation: Any) -> type[BaseModel]:
    """The model in an annotation such as tuple[Step, ...] or AgentCall | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(
        _table_in(argument) for argument in get_args(annotation) if argument is not ... and argument is not type(None)
    )
