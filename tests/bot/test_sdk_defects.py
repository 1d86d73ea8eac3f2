"""The defects of botbuilder-python 4.17.1: each is absent in our adapter, and a control shows the SDK still has it.

A control that fails after an SDK change says which cure has become idle. Defects are numbered as in
`docs/decisions/0002-hardened-sdk.md`; those that are tested where their module is tested stand in `ELSEWHERE`.

Not applicable yet, because the product has no such part yet:

- F13 (a naive purge deletes foreign files): there is no purge.
- F17 (pip-audit says nothing about what it skipped): it concerns the build, not the bot.
"""

import ast
import asyncio
import copy
import inspect
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import distributions, version
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import jwt
import pytest
from botbuilder.core import ActivityHandler, MemoryStorage, TurnContext
from botbuilder.core.adapters import TestAdapter
from botbuilder.core.cloud_adapter_base import CloudAdapterBase
from botbuilder.schema import (
    Activity,
    AdaptiveCardInvokeValue,
    Attachment,
    ChannelAccount,
    ConversationAccount,
    Entity,
)
from botframework.connector.aio import ConnectorClient
from botframework.connector.auth import (
    MicrosoftAppCredentials,
    PasswordServiceClientCredentialFactory,
    VerifyOptions,
)
from botframework.connector.auth.emulator_validation import EmulatorValidation
from botframework.connector.auth.endorsements_validator import EndorsementsValidator
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor, _OpenIdMetadata
from botframework.connector.teams.operations.teams_operations import TeamsOperations
from msrest.serialization import Model
from msrest.universal_http.requests import ClientRetryPolicy
from tinydb.storages import JSONStorage
from urllib3.util.retry import Retry

from bot.adapter.activity import WireActivity, read_activity, write_activity
from bot.adapter.authentication import GuardedAuthentication
from bot.adapter.cloud_adapter import HardenedAdapter
from bot.adapter.connector import PooledConnector
from bot.server import Edge
from bot.translate import addressed_text, write_invoke_error
from data.errors import ForbiddenError, StateError
from data.stores.atomic_storage import AtomicStorage
from dialogs.turn import Reply, Turn
from tests.world import APP_ID, BOT_ID, TENANT, LiveBot, StartBot, World

TestAdapter.__test__ = False  # it is no test, whatever its name says

ROOT = Path(__file__).parents[2]
PRODUCT = [
    ROOT / "app.py",
    *(path for floor in ("bot", "cards", "data", "dialogs") for path in ROOT.glob(f"{floor}/**/*.py")),
]
SDK = ("botbuilder-core", "botbuilder-schema", "botframework-connector", "botframework-streaming")

ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "D2": ("test_connector.py", "test_second_turn_asks_the_identity_platform_nothing"),
    "D3": ("test_keys.py", "test_hanging_key_server_is_given_up_after_three_seconds"),
    "D4": ("test_keys.py", "test_rotated_key_is_found_at_once"),
    "D5": ("test_auth.py", "test_token_that_claims_the_wrong_things_is_refused"),
    "D6": ("test_http.py", "test_body_that_is_no_json_object_is_malformed"),
    "D7": ("test_connector.py", "test_many_turns_share_few_connections"),
    "D8": ("test_connector.py", "test_status_becomes_an_error_of_ours"),
    "D12": ("test_translate.py", "test_mention_of_the_bot_is_cut_and_nothing_else"),
    "D19": ("test_repetition.py", "test_pressed_button_counts_once"),
    "D21": ("test_connector.py", "test_stored_foreign_service_url_gets_no_token"),
    "D22": ("test_auth.py", "test_unsafe_settings_stop_the_start"),
    "F1": ("test_auth.py", "test_unsafe_settings_stop_the_start"),
    "F3": ("test_gate.py", "test_tenants_are_found_in_both_places_or_refused"),
    "F4": ("test_logs.py", "test_whole_turns_leave_no_trace_of_people"),
    "F5": ("test_auth.py", "test_token_that_claims_the_wrong_things_is_refused"),
    "F6": ("test_auth.py", "test_service_url_of_token_and_body_must_be_the_same"),
    "F7": ("test_auth.py", "test_rotated_key_is_accepted_at_once_and_the_revoked_one_no_more"),
    "F8": ("test_keys.py", "test_strangers_cause_one_refresh_in_five_seconds"),
    "F9": ("test_credentials.py", "test_fetching_leaves_the_event_loop_alone"),
    "F11": ("test_connector.py", "test_answer_that_may_have_arrived_is_not_repeated"),
}
NOT_APPLICABLE = {"F13", "F17"}


def test_every_defect_has_its_test() -> None:
    """Each of D1 to D23 and F1 to F17 is tested here or where this file says, or is no matter yet."""
    here = Path(__file__).read_text(encoding="utf-8")
    docstrings = " ".join(ast.get_docstring(node) or "" for node in ast.walk(ast.parse(here)) if _is_test(node))
    tested = set(re.findall(r"\b[DF]\d+\b", docstrings))
    wanted = {f"D{number}" for number in range(1, 24)} | {f"F{number}" for number in range(1, 18)}
    assert wanted - tested - set(ELSEWHERE) - NOT_APPLICABLE == set()
    explained = set(re.findall(r"\bF\d+\b", __doc__ or ""))
    assert explained == NOT_APPLICABLE


def _is_test(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and node.name != "test_every_defect_has_its_test"
    )


@pytest.mark.parametrize("defect", sorted(ELSEWHERE))
def test_test_elsewhere_exists(defect: str) -> None:
    """What this file says about other files is so."""
    name, function = ELSEWHERE[defect]
    path = Path(__file__).parent / name
    assert f"def {function}" in path.read_text(encoding="utf-8")


# -- which SDK, and which parts of it -------------------------------------------------------------------------------


def test_sdk_is_the_one_that_was_hardened() -> None:
    """The SDK is out of support, so exactly the version that was examined is pinned and installed (F16)."""
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    sdk = [line for line in pinned if line.startswith(("botbuilder", "botframework"))]
    assert len(sdk) >= 3
    assert all(line.endswith("==4.17.1") for line in sdk)
    assert {name: version(name) for name in SDK} == dict.fromkeys(SDK, "4.17.1")


def test_parts_that_are_not_to_be_used_are_not_installed() -> None:
    """Neither the dialogs with their recognisers (F15) nor the faulty HTTP layer (D1) can be imported at all."""
    installed = {found.metadata["Name"].lower() for found in distributions() if found.metadata["Name"]}
    assert "botbuilder-core" in installed
    assert not installed & {"botbuilder-dialogs", "botbuilder-integration-aiohttp", "recognizers-text-suite"}
    assert find_spec("botbuilder.core")
    assert find_spec("botbuilder.dialogs") is None
    assert find_spec("botbuilder.integration") is None


BANNED = {
    "D1 CloudAdapter.process": {"CloudAdapter", "process"},
    "D2 MicrosoftAppCredentials": {"MicrosoftAppCredentials", "PasswordServiceClientCredentialFactory"},
    "D9 configuration of the connector": {"connector_client_configuration", "BotFrameworkConnectorConfiguration"},
    "D12 remove_recipient_mention": {"remove_recipient_mention", "remove_mention_text", "get_mentions"},
    "D13 AdaptiveCardInvokeValue": {"AdaptiveCardInvokeValue"},
    "D15 ActivityHandler": {"ActivityHandler", "TeamsActivityHandler"},
    "D18 TeamsInfo": {"TeamsInfo", "TeamsOperations", "teams"},
    "D19 BotState": {"BotState", "ConversationState", "UserState", "MemoryStorage", "Storage"},
    "D20 send middleware": {"on_send_activities", "Middleware", "MiddlewareSet", "use"},
    "D23 BotFrameworkAdapter": {"BotFrameworkAdapter", "BotFrameworkAdapterSettings"},
    "F15 dialogs": {"DateTimePrompt", "NumberPrompt", "DialogSet"},
    "typing middleware": {"ShowTypingMiddleware"},
}


def names_of_the_sdk_in(path: Path) -> set[str]:
    """List what a file imports from the SDK, and the attributes it uses where it imports any of it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("botbuilder", "botframework", "msrest")
        ):
            found |= {alias.name for alias in node.names} | set((node.module or "").split("."))
    if found:
        found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return found


@pytest.mark.parametrize("banned", BANNED.values(), ids=BANNED)
def test_faulty_part_of_the_sdk_is_not_used(banned: set[str]) -> None:
    """The product uses none of the parts whose defects cannot be cured from outside (D1, D9, D18, D20, D23)."""
    used = {path.name: names_of_the_sdk_in(path) & banned for path in PRODUCT}
    assert {name: names for name, names in used.items() if names} == {}
    assert "CloudAdapterBase" in names_of_the_sdk_in(ROOT / "bot" / "adapter" / "cloud_adapter.py")


# -- controls: the SDK still has the defect -------------------------------------------------------------------------


async def test_sdk_makes_new_credentials_each_turn() -> None:
    """Control of D2: the stock factory gives another object with an empty cache each time."""
    factory = PasswordServiceClientCredentialFactory(app_id=APP_ID, password="x", tenant_id=TENANT)
    made = [await factory.create_credentials(APP_ID, "scope", "https://login.example/x", True) for _ in range(2)]
    assert made[0] is not made[1]
    assert all(isinstance(credentials, MicrosoftAppCredentials) and credentials.app is None for credentials in made)


def test_sdk_fetches_keys_without_a_time_out() -> None:
    """Control of D3 and F8: the stock key source blocks in `requests.get` without a time-out."""
    source = inspect.getsource(_OpenIdMetadata._refresh)
    assert "requests.get(" in source
    assert "timeout" not in source


def test_sdk_stumbles_over_an_unknown_key(world: World) -> None:
    """Control of D4 and F7: a rotated key is an `IndexError`, so the refresh behind it is never reached."""
    metadata = _OpenIdMetadata("https://keys.example")
    metadata.keys = [world.keys.channel.jwk()]
    assert metadata._find("channel-key").public_key
    with pytest.raises(IndexError):
        metadata._find("rotated-key")


async def test_sdk_raises_what_it_likes_for_a_bad_token() -> None:
    """Control of D5: garbage in the header is an exception of PyJWT and not the SDK's own refusal."""
    extractor = JwtTokenExtractor(
        VerifyOptions(["x"], APP_ID, 300, ignore_expiration=False), "https://keys.example", ["RS256"]
    )
    with pytest.raises(jwt.exceptions.DecodeError):
        await extractor.get_identity_from_auth_header("Bearer garbage", "msteams")


def test_sdk_makes_a_session_for_each_connector() -> None:
    """Control of D7: two stock clients share nothing."""
    credentials = MicrosoftAppCredentials(APP_ID, "x")
    first, second = (ConnectorClient(credentials, base_url="https://smba.example/") for _ in range(2))
    assert first.config.pipeline._sender is not second.config.pipeline._sender


def test_sdk_takes_every_issuer_of_the_emulator() -> None:
    """Control of F5: the stock emulator path believes nine issuers beside the connector's."""
    issuers = EmulatorValidation.TO_BOT_FROM_EMULATOR_TOKEN_VALIDATION_PARAMETERS.issuer
    assert len(issuers) >= 4
    assert "https://api.botframework.com" not in issuers


def test_sdk_lets_a_missing_channel_pass() -> None:
    """Control of F6: without a channel id every key is endorsed."""
    assert EndorsementsValidator.validate("", []) is True
    assert EndorsementsValidator.validate("msteams", []) is False


def test_sdk_opens_the_bot_without_an_app_id() -> None:
    """Control of D22 and F1: an empty app id switches the stock authentication off."""
    assert asyncio.run(PasswordServiceClientCredentialFactory(app_id="").is_authentication_disabled()) is True
    assert asyncio.run(PasswordServiceClientCredentialFactory(app_id=APP_ID).is_authentication_disabled()) is False


async def test_sdk_shares_its_memory_with_whoever_reads_it() -> None:
    """Control of D19: what was read from the stock store changes the store without being written."""
    storage = MemoryStorage()
    await storage.write({"a": {"count": 1}})
    (await storage.read(["a"]))["a"]["count"] = 2
    assert (await storage.read(["a"]))["a"]["count"] == 2


async def test_sdk_sends_what_a_middleware_withholds() -> None:
    """Control of D20: a send handler that does not call on does not stop the message."""
    sent: list[Activity] = []
    adapter = TestAdapter(lambda _: None)
    context = TurnContext(adapter, Activity(type="message", id="1", conversation=ConversationAccount(id="a")))

    async def withhold(_: TurnContext, activities: list[Activity], call_next: Callable[[], Any]) -> None:
        del call_next
        sent.extend(activities)

    context.on_send_activities(withhold)
    await context.send_activity("withheld")
    assert [activity.text for activity in sent] == ["withheld"]
    assert [activity.text for activity in adapter.activity_buffer] == ["withheld"]


def test_sdk_asks_teams_with_a_blocking_client() -> None:
    """Control of D18: the stock Teams operations are plain functions."""
    assert not inspect.iscoroutinefunction(TeamsOperations.get_team_details)


def test_sdk_never_repeats_a_post_with_this_urllib3() -> None:
    """Control of F11 and D8: msrest sets a list that urllib3 does not read any more."""
    policy = ClientRetryPolicy()()
    assert "POST" in policy.method_whitelist
    assert "POST" not in Retry().allowed_methods
    assert policy.is_retry("PUT", 503)
    assert not policy.is_retry("POST", 503)


def test_empty_store_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """A store that a crash left empty is refused; TinyDB's own storage opens it as a new one (F12)."""
    path = tmp_path / "state.json"
    path.touch()
    with pytest.raises(StateError):
        AtomicStorage(path)
    stock = JSONStorage(path)
    assert stock.read() is None
    stock.close()
    fresh = AtomicStorage(tmp_path / "fresh.json")
    assert fresh.read() is None
    fresh.close()


# -- what crosses the border ----------------------------------------------------------------------------------------


def test_tenant_of_the_conversation_is_read() -> None:
    """Teams' `tenantId` reaches the activity; the SDK looks for `tenantID` and finds nothing (D10, F3)."""
    wire = {"type": "message", "conversation": {"id": "a:1", "tenantId": TENANT}}
    assert read_activity(wire).conversation.tenant_id == TENANT
    assert ConversationAccount.deserialize(wire["conversation"]).tenant_id is None
    assert ConversationAccount.deserialize({"id": "a:1", "tenantID": TENANT}).tenant_id == TENANT


def test_fields_the_model_does_not_know_reach_the_wire() -> None:
    """Citations, labels and the like are sent as they were built; the SDK's model drops them (D11)."""
    entity = {"type": "https://schema.org/Message", "citation": [{"position": 1}], "usageInfo": {"name": "x"}}
    sent = write_activity(WireActivity({"entities": [entity]}, type="message"))
    assert sent["entities"] == [entity]
    assert Entity(type=entity["type"], additional_properties=entity).serialize() == {"type": entity["type"]}


def test_trigger_of_a_press_is_kept() -> None:
    """Whether a person pressed or Teams refreshed can be told; the SDK's model forgets it (D13)."""
    value = {"action": {"type": "Action.Execute", "verb": "x"}, "trigger": "automatic"}
    assert read_activity({"type": "invoke", "value": value}).value["trigger"] == "automatic"
    assert not hasattr(AdaptiveCardInvokeValue(**value), "trigger")


def test_error_of_an_invoke_is_json() -> None:
    """The body that refuses an invoke can be sent; the SDK's own holds an exception object (D14)."""
    json.dumps(write_invoke_error("BadRequest", "no"))
    stock = ActivityHandler()._create_adaptive_card_invoke_error_response(400, "BadRequest", "no")
    assert isinstance(stock.value, Exception)


def test_products_name_survives_the_mention() -> None:
    """A question about ProCall to a bot called ProCall stays whole; the SDK cuts every occurrence (D12)."""
    at = "<at>ProCall</at>"
    wire = {
        "type": "message",
        "text": f"{at} was speichert ProCall NEX?",
        "recipient": {"id": BOT_ID},
        "entities": [{"type": "mention", "text": at, "mentioned": {"id": BOT_ID, "name": "ProCall"}}],
    }
    assert addressed_text(wire) == "was speichert ProCall NEX?"
    stock = Activity(type="message", text=wire["text"], recipient=ChannelAccount(id=BOT_ID))
    stock.entities = [Entity().deserialize(entity) for entity in wire["entities"]]
    assert "ProCall" not in TurnContext.remove_recipient_mention(stock)


def test_card_is_not_copied_for_each_send() -> None:
    """Copying an outgoing activity shares its card; a stock activity is copied to the last text block."""
    card = {"body": [{"type": "TextBlock", "text": str(number)} for number in range(100)]}
    ours = WireActivity({"attachments": [{"content": card}]}, type="message", text="x")
    copied = copy.deepcopy(ours)
    assert copied is not ours
    assert copied.wire is ours.wire
    copied.text = "y"
    assert ours.text == "x"
    stock = Activity(attachments=[Attachment(content=card)])
    assert copy.deepcopy(stock).attachments[0].content is not card


# -- the adapter ----------------------------------------------------------------------------------------------------


class CountingConnectors:
    """The port of the connector factory; remembers for whom a connector was made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.sent: list[Mapping[str, Any]] = []

    async def create(self, service_url: str, audience: str) -> PooledConnector:
        """Make a connector."""
        del audience
        self.made.append(service_url)
        return PooledConnector(self)  # type: ignore[arg-type]

    async def reply_to_activity(self, _: str, __: str, activity: Activity) -> None:
        """Send."""
        self.sent.append(write_activity(activity))


def adapter_with(connectors: CountingConnectors, *, refuse: bool = False) -> HardenedAdapter:
    """Build an adapter whose gate admits everybody or nobody, and which apologises where a turn fails."""

    def gate(_: Mapping[str, Any], __: str | None) -> None:
        if refuse:
            raise ForbiddenError("test")

    adapter = HardenedAdapter(
        GuardedAuthentication(app_id=APP_ID, verifier=None, gate=gate, connectors=connectors),  # type: ignore[arg-type]
    )

    async def apologise(context: TurnContext, _: Exception) -> None:
        await context.send_activity(WireActivity({"summary": "sorry"}, type="message"))

    adapter.on_turn_error = apologise
    return adapter


MESSAGE = {
    "type": "message",
    "id": "f:1",
    "channelId": "msteams",
    "serviceUrl": "https://smba.example/",
    "conversation": {"id": "a:1"},
    "recipient": {"id": BOT_ID},
    "from": {"id": "29:x"},
}


async def test_refusal_is_not_swallowed_by_the_error_handler() -> None:
    """A refused caller gets no connector, no turn and no apology; an admitted one whose turn fails gets one (F2)."""
    turns: list[TurnContext] = []

    async def failing(context: TurnContext) -> None:
        turns.append(context)
        raise LookupError

    refusing, admitting = CountingConnectors(), CountingConnectors()
    with pytest.raises(ForbiddenError):
        await adapter_with(refusing, refuse=True).handle(MESSAGE, "", failing)
    assert (refusing.made, refusing.sent, turns) == ([], [], [])
    await adapter_with(admitting).handle(MESSAGE, "", failing)
    assert [sent["summary"] for sent in admitting.sent] == ["sorry"]


async def test_invoke_nobody_answered_is_no_501() -> None:
    """An invoke without an answer is 200 with an empty object; the stock adapter says 501 and null (D16)."""
    adapter = adapter_with(CountingConnectors())
    contexts: list[TurnContext] = []

    async def silent(context: TurnContext) -> None:
        contexts.append(context)

    answer = await adapter.handle({**MESSAGE, "type": "invoke"}, "", silent)
    assert (answer.status, answer.body) == (200, b"{}")
    assert CloudAdapterBase._process_turn_results(adapter, contexts[0]).status == 501


# -- live turns -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="session")
async def test_pressed_button_gets_its_card(bot: LiveBot, world: World) -> None:
    """An invoke with a body is answered with it; in 4.17.1 every one of them is a 500 (D1)."""
    answer = await bot.post(world.invoke("show_help"), token=world.token())
    assert answer.status == 200
    assert answer.json()["type"] == "application/vnd.microsoft.card.adaptive"
    assert answer.json()["value"]["body"]


UNKNOWN_INVOKES = (
    "application/search",
    "message/submitAction",
    "message/fetchTask",
    "suggestedActions/submit",
    "handoff/action",
    "task/fetch",
    "signin/verifyState",
)


@pytest.mark.parametrize("name", UNKNOWN_INVOKES)
@pytest.mark.asyncio(loop_scope="session")
async def test_invoke_the_bot_does_not_know_is_told_so(name: str, bot: LiveBot, world: World) -> None:
    """An invoke of another kind gets an error in the protocol's form and no 501 (D15)."""
    answer = await bot.post(world.invoke(name=name, value={}), token=world.token())
    assert answer.status == 200
    assert answer.json()["type"] == "application/vnd.microsoft.error"
    assert answer.json()["statusCode"] == 400


class Broken:
    """A router whose every turn raises one exception."""

    def __init__(self, router: Any, error: Exception) -> None:
        self._router = router
        self._error = error

    async def reply(self, turn: Turn) -> Reply:
        """Decide."""
        del turn
        raise self._error

    def failed(self, turn: Turn, *, reference: str) -> Reply:
        """Apologise."""
        return self._router.failed(turn, reference=reference)  # type: ignore[no-any-return]


def broken_by(error: Exception) -> Callable[[Any], Edge]:
    """Build the bot's face with a router that raises."""

    def build(parts: Any) -> Edge:
        handler = parts.edge._handler
        handler._router = Broken(handler._router, error)
        return parts.edge  # type: ignore[no-any-return]

    return build


@pytest.mark.parametrize("error", [PermissionError(13, "no"), KeyError("x"), OSError("x"), TypeError()], ids=repr)
@pytest.mark.asyncio(loop_scope="session")
async def test_failing_turn_is_no_refusal(error: Exception, start_bot: StartBot, world: World) -> None:
    """An error in a turn, even a `PermissionError`, is told on a card and never as 401, 404, 500 or 501 (D16, F14)."""
    async with start_bot(edge=broken_by(error)) as bot:
        assert (await bot.post(world.message(), token=world.token())).status == 201
        assert len(world.connector.accepted) == 1
        answer = await bot.post(world.invoke(), token=world.token())
        assert (answer.status, answer.json()["statusCode"]) == (200, 200)
        assert answer.json()["value"]["type"] == "AdaptiveCard"
        assert (await bot.post(world.message(), token="bad")).status == 401


@pytest.mark.asyncio(loop_scope="session")
async def test_installation_in_a_large_team_is_one_call(bot: LiveBot, world: World) -> None:
    """When the bot comes with two hundred people it greets once and asks for no roster (D17)."""
    people = [{"id": f"29:member-{number}"} for number in range(200)]
    installed = world.message(type="conversationUpdate", membersAdded=[*people, {"id": BOT_ID}])
    assert (await bot.post(installed, token=world.token())).status == 201
    assert [call.method for call in world.connector.calls] == ["POST"]
    without = world.message(type="conversationUpdate", membersAdded=people, channelData=None)
    assert (await bot.post(without, token=world.token())).status < 500
    assert len(world.connector.calls) == 1


@contextmanager
def watched() -> Iterator[set[tuple[str, str]]]:
    """Collect (file, function) of everything from the SDK that is called on this thread."""
    called: set[tuple[str, str]] = set()
    root = os.sep + "site-packages" + os.sep

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            _, found, name = frame.f_code.co_filename.rpartition(root)
            if found and name.startswith(("msrest", "botframework", "botbuilder")):
                called.add((name.replace(os.sep, "/"), frame.f_code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield called
    finally:
        sys.setprofile(before)


HEAVY = ("msrest/universal_http", "msrest/pipeline", "msrest/service_client", "msrest/authentication", "msrest/http")


@pytest.mark.asyncio(loop_scope="session")
async def test_turn_builds_nothing_of_msrest(bot: LiveBot, world: World) -> None:
    """A turn builds no retry policy, pipeline or client of msrest (70 % of a stock turn), and proves no token (F10)."""
    message, press, token = world.message(), world.invoke(), world.token()
    with watched() as called:
        assert (await bot.post(message, token=token)).status == 201
        assert (await bot.post(press, token=token)).status == 200
    assert any(name.endswith("cloud_adapter_base.py") for name, _ in called)
    assert {entry for entry in called if entry[0].startswith(HEAVY)} == set()
    models = {function for name, function in called if name == "msrest/serialization.py"}
    assert models <= {"Model.__init__"}
    assert not [name for name, _ in called if "jwt_token" in name or "credential" in name or "/operations/" in name]


def test_sdk_builds_msrest_for_each_connector() -> None:
    """Control of F10: a stock client builds its policies anew, with a list of five hundred codes to search."""
    with watched() as called:
        ConnectorClient(MicrosoftAppCredentials(APP_ID, "x"), base_url="https://smba.example/")
    assert ("msrest/universal_http/requests.py", "ClientRetryPolicy.__init__") in called
    assert isinstance(ClientRetryPolicy.safe_codes, list)
    assert len(ClientRetryPolicy.safe_codes) > 490
    assert issubclass(Activity, Model)
