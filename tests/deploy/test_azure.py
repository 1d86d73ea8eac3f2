"""The template for Azure, as far as it can be judged without a compiler: grammar, references, secrets, the network."""

import re
from collections.abc import Iterator

import pytest
import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

from bot.settings import Settings
from tests.domain import ROOT
from tests.test_docs import settings_fields

TEMPLATE = ROOT / "deploy" / "azure" / "main.bicep"
TEXT = TEMPLATE.read_text(encoding="utf-8")
CODE = re.sub(r"(?m)(?:^|(?<=\s))//.*$", "", TEXT)
"""The template without its remarks."""

LANGUAGE = frozenset(
    "allowed description maxLength maxValue minLength minValue secure concat empty guid json resourceGroup string"
    " subscription subscriptionResourceId take uniqueString uriComponent".split()
)
"""Functions and decorators of Bicep that the template uses."""


def parsed(text: str) -> Node:
    """Parse a template."""
    return Parser(Language(tree_sitter_bicep.language())).parse(text.encode()).root_node


def nodes(root: Node) -> Iterator[Node]:
    """Walk through a tree."""
    yield root
    for child in root.children:
        yield from nodes(child)


def declared(word: str) -> list[str]:
    """List the names that are declared with a word."""
    return re.findall(rf"^\s*{word} (\w+)", CODE, re.MULTILINE)


def block(name: str) -> str:
    """Give a resource with all in it."""
    found = re.search(rf"^resource {name} .*?^}}$", CODE, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[0]


def test_the_grammar_finds_no_error() -> None:
    """The grammar of Bicep takes all of it; one brace less is an error. No compiler has seen it."""
    assert not parsed(TEXT).has_error
    assert parsed(TEXT[: TEXT.rindex("}")]).has_error
    assert parsed(CODE.replace("param image string", "param image: string")).has_error
    kinds = {node.type for node in nodes(parsed(TEXT))}
    assert {"parameter_declaration", "resource_declaration", "output_declaration"} <= kinds
    assert "NOT COMPILED" in TEXT.splitlines()[2], "whoever opens it is told first"


@pytest.mark.parametrize("word", ["param", "var", "resource"])
def test_everything_that_is_declared_is_used(word: str) -> None:
    """No parameter and no variable stands there for nothing; a resource is used, or is one that others come to."""
    ends = {"teams", "migrate", "link"}  # nothing refers to them
    unused = {name for name in declared(word) if len(re.findall(rf"\b{name}\b", CODE)) < 2}
    assert unused <= ends
    assert declared(word)


def names_in(text: str) -> set[str]:
    """List the names that a template uses: not those it declares, and not those of properties."""
    found = set()
    for node in nodes(parsed(text)):
        if node.type == "identifier" and node.text and node.parent:
            place = node.parent.children.index(node)
            declares = node.parent.type.endswith("_declaration") and place == 1
            if not declares and (node.parent.type, place) != ("object_property", 0):
                found.add(node.text.decode())
    return found


def test_everything_that_is_used_is_declared() -> None:
    """Each name in the template is declared in it or is a function or decorator of the language."""
    known = {*declared("param"), *declared("var"), *declared("resource"), *LANGUAGE}
    assert names_in(CODE) - known == set()
    assert {"namePrefix", "suffix", "identity", "concat"} <= names_in(CODE)
    assert names_in(CODE.replace("sku: postgresSku", "sku: postgresSkus")) - known == {"postgresSkus"}, "the control"


def test_every_parameter_and_output_is_explained() -> None:
    """A description stands before each, among its other decorators."""
    for name in (*declared("param"), *declared("output")):
        above = CODE[: re.search(rf"^(?:param|output) {name} ", CODE, re.MULTILINE).start()]  # type: ignore[union-attr]
        assert "@description('" in above.rstrip().rpartition("\n\n")[2], name


def test_versions_are_pinned() -> None:
    """Each resource has a released version of its interface; those inside another one take its version."""
    types = re.findall(r"^\s*resource \w+ '([^']+)'", CODE, re.MULTILINE)
    outer = [one for one in types if "/" in one]
    assert len(outer) > 12
    assert all(re.fullmatch(r"Microsoft\.[\w.]+(?:/\w+)+@\d{4}-\d\d-\d\d", one) for one in outer), outer
    assert {one for one in types if "/" not in one} <= {
        *("subnets", "virtualNetworkLinks", "databases", "fileServices", "shares", "secrets", "storages"),
    }


def test_no_secret_stands_in_it() -> None:
    """Passwords come by secure parameters without a default, go to the vault, and are read there by reference."""
    secret = [name for name in declared("param") if re.search(r"(?i)password|secret", name)]
    assert sorted(secret) == ["appSecret", "botPassword", "ownerPassword"]
    for name in secret:
        found = re.search(rf"^@secure\(\)\n(?:@\w+\(.*\)\n)*param {name} string(?P<default>.*)$", CODE, re.MULTILINE)
        assert found, name
        assert found["default"] in {"", " = ''"}
        outside = CODE.replace(block("vault"), "").replace(block("postgres"), "")
        assert len(re.findall(rf"\b{name}\b", outside)) == 1, "nothing but the vault and the server has it"
    literal = re.compile(r"(?i)\b\w*(?:password|secret|key|token|connectionString)\b:\s*'[^'$]+'")
    assert not literal.search(CODE)
    assert literal.search("administratorLoginPassword: 'planted'"), "the control"
    named = re.findall(r"\{ name: '([\w-]+)', keyVaultUrl: vault::", CODE)
    used = set(re.findall(r"secretRef: '([\w-]+)'", CODE))
    assert used == set(named) == {
        "bot-dsn", "app-secret", "owner-dsn", "bot-password",
    }  # fmt: skip
    assert not re.search(r"output \w+ .*(?i:password|secret|key|dsn)", CODE)


def test_postgres_is_reached_from_inside_only() -> None:
    """No public address, no rule that opens one, TLS that checks the name, and an owner apart from the bot."""
    assert "publicNetworkAccess: 'Disabled'" in block("postgres")
    assert "delegatedSubnetResourceId: network::inside.id" in block("postgres")
    assert "firewallRules" not in CODE
    assert "sslmode=verify-full" in CODE
    assert "owner" not in block("app")


def test_one_replica_that_is_asked_whether_it_lives() -> None:
    """Exactly one process, HTTPS only, the ops port not outside, and the three probes on paths that the bot serves."""
    app = block("app")
    assert "minReplicas: 1, maxReplicas: 1" in app
    assert "allowInsecure: false" in app
    assert "targetPort: 3978" in app
    assert "probes: probes" in app
    paths = re.findall(r"type: '(\w+)', httpGet: \{ path: '(/\w+)', port: 3979 \}", CODE)
    assert paths == [("Startup", "/livez"), ("Liveness", "/livez"), ("Readiness", "/readyz")]
    assert "dir_mode=0700,file_mode=0600" in app, "a state folder that everybody may write to is refused"


def test_its_environment_is_of_this_product() -> None:
    """Every variable that begins as the product's do is a setting of it."""
    fields = set(settings_fields())
    for name in re.findall(r"PROCALL_(\w+)", CODE):
        assert name.lower().replace("__", ".") in fields, name
    assert len(re.findall(r"PROCALL_\w+", CODE)) > 8
    assert Settings.model_config["env_prefix"] == "PROCALL_"


def test_log_lines_go_after_ninety_days() -> None:
    """Clause 2.7 counts for the bot's own lines: the workspace cannot be told to keep them longer."""
    assert re.search(r"@minValue\(30\)\n@maxValue\(90\)\nparam logDays int = 90$", CODE, re.MULTILINE)
    assert "retentionInDays: logDays" in block("logs")


def test_the_bot_is_of_one_tenant() -> None:
    """A managed identity or a single tenant, never many, and no key of its own."""
    assert "@allowed(['UserAssignedMSI', 'SingleTenant'])" in CODE
    assert "MultiTenant" not in CODE
    assert "disableLocalAuth: true" in block("bot")
    assert "msaAppTenantId: tenantId" in block("bot")
