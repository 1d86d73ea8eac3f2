"""Items of the AZ list (security.md 8): what no test of a dialog or of the translation says already.

Which test shows which item, and what the product does otherwise, stands in `items.py`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.identity import Directory
from bot.people import directory_of, roles_source
from bot.settings import Settings
from cards.verbs import Verb
from data.access import Role
from data.questions.commands import Command
from data.stores.interface import Person
from tests.domain import ROOT

ADMIN = "00000000-0000-4000-8000-0000000000aa"
TENANT = "00000000-0000-4000-8000-0000000000f0"


def modules_naming(name: str, *folders: str) -> Iterator[str]:
    """List the modules that make or import a thing of this name."""
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if name in named:
            yield path.relative_to(ROOT).as_posix()


def site(*admins: str) -> Settings:
    """Make settings that name some admins."""
    return Settings.model_validate({"teams": {"tenant_id": TENANT}, "roles": {"admins": list(admins)}})


@pytest.mark.parametrize("named", [True, False])
def test_roles_come_from_the_settings_and_from_nowhere_else(named: bool) -> None:
    """Nobody becomes or stops being an admin in chat: no code, no first speaker, no owner to remove (AZ-08, 26, 30).

    What tells roles is built from the settings in one place; nothing gives one, what Teams says of guests only takes
    them away, and no verb or command is about it. Whoever the settings do not name is an employee.
    """
    settings = site(ADMIN) if named else site()
    person = Person(pseudonym="p-1", tenant_id=TENANT, object_id=ADMIN)
    directory = directory_of(settings, dev=False)
    assert (Role.ADMIN in roles_source(directory)(person)) is named
    assert set(modules_naming("Directory", "bot", "dialogs", "data")) <= {
        *("bot/people.py", "bot/identity.py"),
        *("bot/handler.py", "bot/guests.py", "bot/assembly.py", "bot/inside.py"),
    }, "the first two make one, the others ask it or hand it on"
    public = {name for name in vars(Directory) if not name.startswith("_")}
    assert {name for name in public if not name.endswith("_of")} <= {"holders", "note_guest"}, "it only answers"
    for guest in (True, False):
        directory.note_guest(ADMIN, guest=guest)
        assert (Role.ADMIN in roles_source(directory)(person)) is (named and not guest)
    words = [word.value for word in (*Verb, *Command)]
    assert [word for word in words if any(part in word for part in ("role", "owner", "admin", "bootstrap"))] == []
    assert directory_of(settings, dev=False).roles_of(TENANT, "00000000-0000-4000-8000-0000000000ab") == {Role.EMPLOYEE}
    with pytest.raises(ValidationError):
        settings.roles.admins = (ADMIN,)  # type: ignore[misc]


def test_a_module_that_names_roles_would_be_found() -> None:
    """The control: the search finds who uses a thing, and nobody where nobody does."""
    assert "bot/people.py" in set(modules_naming("Directory", "bot"))
    assert list(modules_naming("OwnerDirectory", "bot", "dialogs", "data")) == []
    assert Path(ROOT / "bot" / "people.py").is_file()
