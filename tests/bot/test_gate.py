"""What may be said to the bot at all: the pure parts at its edge, tried with everything that can be made up.

Whatever comes in, each part gives a value or a `CallerError`, and the whole bot never answers 5xx.
"""

import json
import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.adapter.activity import WireActivity, read_activity, read_resource, write_activity
from bot.adapter.hosts import HostList
from bot.adapter.json_body import MAX_BYTES, MAX_DEPTH, read_json_object
from bot.gate import Gate, tenants_of
from bot.identity import Directory
from bot.translate import addressed_text, read_turn
from data.errors import CallerError, ForbiddenError, MalformedError, TooLargeError, UnauthenticatedError
from tests.world import EMPLOYEE, FOREIGN_TENANT, TENANT, LiveBot, World, invoke, message

HOST = "smba.trafficmanager.net"
URL = f"https://{HOST}/emea/"

scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    scalars | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
known_keys = st.sampled_from(
    """type id name text locale action channelId serviceUrl replyToId deliveryMode channelData value conversation from
    recipient attachments entities membersAdded timestamp localTimestamp tenantId tenant aadObjectId isGroup mentioned
    conversationType role verb data commandId parameters""".split()
)
known_words = st.sampled_from(
    ["message", "invoke", "conversationUpdate", "installationUpdate", "mention", "adaptiveCard/action", "show_topic",
     "composeExtension/query", "findTopic", "expectReplies", "msteams", URL, TENANT, EMPLOYEE, "add", "bot", "query",
     "channel", "2026-03-02T10:11:12Z", "show_help", "feedback_yes", "de", "logs", "<at>x</at>"],
)  # fmt: skip
activity_like = st.recursive(
    scalars | known_words | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known_keys, inner, max_size=8),
    max_leaves=30,
)
objects = st.dictionaries(known_keys, activity_like, max_size=12)


@st.composite
def changed(draw: st.DrawFn, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Take a good activity and put something else, or nothing, at one to three places in it."""
    copy = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 3))):
        node: Any = copy
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = draw(st.sampled_from(keys)) if keys else None
            if key is None:
                break
            inner = node[key]
            if isinstance(inner, dict | list) and inner and draw(st.booleans()):
                node = inner
                continue
            if draw(st.booleans()):
                node[key] = draw(json_values | known_words)
            else:
                del node[key]
            break
    return copy


@pytest.fixture(scope="module")
def gate() -> Gate:
    """Build the gate of production for one tenant and one host."""
    return Gate(tenant_id=TENANT, channels=("msteams",), allows_url=HostList([HOST]).allows)


# -- the gate -------------------------------------------------------------------------------------------------------


def test_gate_admits_a_message_as_teams_sends_it(gate: Gate) -> None:
    """A message of our tenant from a proven address passes."""
    gate(message(service_url=URL), URL)
    gate(message(service_url=URL), None)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"channelId": "emulator"}, UnauthenticatedError),
        ({"serviceUrl": "https://evil.example/"}, UnauthenticatedError),
        ({"serviceUrl": ""}, UnauthenticatedError),
        ({"serviceUrl": URL.upper()}, UnauthenticatedError),
        ({"channelData": None}, UnauthenticatedError),
        ({"channelData": {"tenant": {"id": FOREIGN_TENANT}}}, ForbiddenError),
        ({"conversation": {"id": "a:1", "tenantId": FOREIGN_TENANT}}, ForbiddenError),
        ({"conversation": {"tenantId": TENANT}}, MalformedError),
        ({"conversation": {"id": "", "tenantId": TENANT}}, MalformedError),
        ({"conversation": None}, MalformedError),
    ],
    ids=str,
)
def test_gate_refuses_whoever_may_not_speak(change: dict[str, Any], error: type[CallerError], gate: Gate) -> None:
    """Each single wrong thing is refused with the error of its kind."""
    with pytest.raises(error):
        gate(message(service_url=URL, **change), URL)


def test_gate_refuses_a_foreign_host_without_a_token_too(gate: Gate) -> None:
    """Dev mode has no token, but the same list of hosts."""
    with pytest.raises(UnauthenticatedError):
        gate(message(service_url="https://evil.example/"), None)


@given(st.none() | st.text(max_size=30) | st.just(URL), objects | changed(message(service_url=URL)))
@example(URL, message(service_url=URL, channelId=["msteams"]))
@example(URL, message(service_url=URL, channelId={"msteams": 1}))
@example(URL, message(service_url=URL, conversation={"id": "a", "tenantId": [TENANT]}))
@example(URL, message(service_url=URL, conversation={"id": "a", "tenantId": {"id": TENANT}}))
def test_gate_raises_nothing_but_caller_errors(gate: Gate, proven: str | None, wire: dict[str, Any]) -> None:
    """Whatever JSON the gate is given, it admits or refuses; what it admits names our tenant and the proven address."""
    try:
        gate(wire, proven)
    except CallerError:
        return
    assert tenants_of(wire) == {TENANT}
    assert wire["channelId"] == "msteams"
    assert wire["serviceUrl"] == (proven if proven is not None else wire["serviceUrl"])
    assert HostList([HOST]).allows(wire["serviceUrl"])


@given(json_values)
def test_tenants_are_found_in_both_places_or_refused(value: object) -> None:
    """Whatever stands where a tenant should be is read as text or refused, never overlooked."""
    for wire in (
        {"channelData": {"tenant": {"id": TENANT}}, "conversation": {"id": "a", "tenantId": value}},
        {"channelData": {"tenant": {"id": value}}, "conversation": {"id": "a", "tenantId": TENANT}},
    ):
        try:
            found = tenants_of(wire)
        except CallerError:
            assert not isinstance(value, str)
        else:
            expected = {TENANT} | ({value.lower()} if isinstance(value, str) and value else set())
            assert found == expected


# -- hosts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "url", "allowed"),
    [
        ([HOST], URL, True),
        ([HOST.upper()], URL, True),
        ([HOST], URL.replace("smba", "SMBA"), True),
        ([HOST], f"https://{HOST}:443/", True),
        ([HOST], f"https://{HOST}:444/", False),
        ([HOST], f"https://{HOST}:0/", False),
        ([f"{HOST}:443"], f"https://{HOST}/", True),
        ([f"{HOST}:443"], f"https://{HOST}:0/", False),
        ([f"{HOST}:8443"], f"https://{HOST}:8443/", True),
        ([f"{HOST}:8443"], f"https://{HOST}/", False),
        ([HOST], f"http://{HOST}/", False),
        ([f"{HOST}:80"], f"http://{HOST}/", False),
        ([], URL, False),
        ([""], "https:///", False),
        (["127.0.0.1"], "http://127.0.0.1:5000/", True),
        (["127.0.0.1"], "https://127.0.0.1/", True),
        (["127.0.0.1:5000"], "http://127.0.0.1:5000/", True),
        (["127.0.0.1:5000"], "http://127.0.0.1:5001/", False),
        (["127.0.0.1"], "http://localhost:5000/", False),
        (["127.0.0.1"], "ftp://127.0.0.1/", False),
        (["localhost"], "http://localhost:5000/", True),
        (["localhost"], "http://localhost.:5000/", False),
        (["[::1]"], "http://[::1]:5000/", True),
        (["::1"], "http://[::1]:5000/", True),
        (["[::1]:5000"], "http://[::1]:5000/", True),
        (["[::1]:5000"], "http://[::1]:5001/", False),
        ([HOST], "http://127.0.0.1/", False),
    ],
)
def test_host_list_means_host_and_port(entries: list[str], url: str, allowed: bool) -> None:
    """An entry allows its host and port only; loopback alone may go by http."""
    hosts = HostList(entries)
    assert hosts.allows(url) is allowed
    assert hosts.allows(url) is allowed  # the second answer comes from memory


@given(st.text(max_size=60) | st.text(string.printable, max_size=60).map(lambda rest: f"https://{HOST}{rest}"))
@example(f"https://{HOST}\t/")
@example(f"https://{HOST}@evil.example/")
@example(f"https://{HOST}/?")
@example(f"https://{HOST}/#")
@example("https://[/")
def test_host_list_never_raises_and_is_never_led_astray(url: str) -> None:
    """Any text is judged; what is allowed begins with the allowed origin, to the letter."""
    if HostList([HOST]).allows(url):
        rest = url.lower().removeprefix(f"https://{HOST}")
        assert rest != url.lower()
        assert rest == "" or rest[0] in "/:"
        assert rest.partition("/")[0] in ("", ":") or int(rest.partition("/")[0][1:]) == 443
        assert not set(rest) & set("@\\?#\t\r\n ")


@given(st.text(string.ascii_letters + string.digits + ".-@:%[]\\_\u0430\uff0e", max_size=40))
def test_only_the_listed_host_is_allowed(host: str) -> None:
    """No other spelling between scheme and path reaches a host that is not the listed one."""
    allowed = HostList([HOST]).allows(f"https://{host}/")
    assert allowed == (host.lower() in (HOST, f"{HOST}:443", f"{HOST}:"))


def test_host_list_remembers_a_bounded_number_of_strangers() -> None:
    """Strangers cannot fill the memory with addresses, and are still judged when it is full."""
    hosts = HostList([HOST])
    for number in range(5000):
        assert not hosts.allows(f"https://evil-{number}.example/")
    assert len(hosts._known) <= 1024
    assert hosts.allows(URL)


# -- bytes to JSON --------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf{}")
@example(b'{"a": 1, "a": 2}')
@example(b'{"a": NaN}')
@example(b'{"a": "\\ud800"}')
@example(b'{"\\udfff": 1}')
@example(b'{"a": 1e400}')
@example(b"[" * 100_000)
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    """Whatever the bytes, the reader gives an object that is strict JSON, or refuses."""
    try:
        found = read_json_object(body)
    except CallerError:
        return
    assert isinstance(found, dict)
    assert json.loads(json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8")) == found


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=5))
def test_valid_objects_are_read_as_they_are(value: dict[str, Any]) -> None:
    """Every object of sane depth comes back as it was sent, with and without escapes."""
    assert read_json_object(json.dumps(value).encode()) == value
    assert read_json_object(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.integers(1, 200), st.booleans())
def test_depth_is_limited_exactly(depth: int, in_lists: bool) -> None:
    """An object may nest as deep as the limit and no deeper."""
    opening, closing = ("[", "]") if in_lists else ('{"a":', "}")
    body = f'{{"a":{opening * (depth - 1)}1{closing * (depth - 1)}}}'.encode()
    if depth <= MAX_DEPTH:
        assert read_json_object(body)
    else:
        with pytest.raises(MalformedError):
            read_json_object(body)


def test_size_is_limited_exactly() -> None:
    """A body of the largest size is read, one byte more is too large."""
    assert read_json_object(b"{}".ljust(MAX_BYTES)) == {}
    with pytest.raises(TooLargeError):
        read_json_object(b"{}".ljust(MAX_BYTES + 1))


# -- JSON to activity -----------------------------------------------------------------------------------------------


@given(objects | changed(message(service_url=URL)) | changed(invoke(service_url=URL)))
def test_any_object_is_an_activity_or_malformed(wire: dict[str, Any]) -> None:
    """Whatever the object, it becomes an activity that can be read on and written again, or it is refused."""
    try:
        activity = read_activity(wire)
    except CallerError:
        return
    assert activity.wire is wire
    assert json.dumps(write_activity(activity))
    actor = Directory(tenant_id=TENANT, admins=[], dpos=[]).actor_of(wire)
    read_turn(wire, actor)
    addressed_text(wire)


@given(objects | changed(message(service_url=URL)) | changed(invoke(service_url=URL)))
def test_what_reaches_the_gate_is_admitted_or_refused(gate: Gate, wire: dict[str, Any]) -> None:
    """Activity and gate together raise nothing but refusals, in dev mode too."""
    for proven in (URL, None):
        try:
            read_activity(wire)
            gate(wire, proven)
        except CallerError:
            continue
        assert isinstance(wire["conversation"]["id"], str)


@given(json_values)
def test_any_answer_of_the_connector_is_read(value: object) -> None:
    """Whatever the connector answers, an id is found in it or there is none."""
    found = read_resource(value).id
    assert found is None or found == value["id"]  # type: ignore[index]


def test_activity_keeps_what_the_model_of_the_sdk_forgets() -> None:
    """The body as it came stays with the activity, and the addressing is read by Teams' own names."""
    wire = message(service_url=URL, surprise={"a": [1]})
    activity = read_activity(wire)
    assert isinstance(activity, WireActivity)
    assert activity.wire["surprise"] == {"a": [1]}
    assert activity.conversation.tenant_id == TENANT
    assert activity.from_property.aad_object_id == EMPLOYEE


# -- the whole bot --------------------------------------------------------------------------------------------------

live = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def check_never_fails(bot: LiveBot, world: World, body: object) -> None:
    """Send a body with a good token; check that bot and log know of no failure."""
    answer = await bot.post(body, token=world.token())
    assert answer.status < 500
    lines = (await bot.ops("/metrics")).body.splitlines()
    told = [float(line.split()[-1]) for line in lines if line.startswith(b"procall_failed_total{")]
    assert told == [0.0]


@live
@given(data=st.data())
async def test_changed_messages_never_make_the_bot_fail(bot: LiveBot, world: World, data: st.DataObject) -> None:
    """A good message with anything at any place is answered or refused, never 5xx, and no turn fails inside."""
    await check_never_fails(bot, world, data.draw(changed(world.message())))


@live
@given(data=st.data())
async def test_changed_presses_never_make_the_bot_fail(bot: LiveBot, world: World, data: st.DataObject) -> None:
    """A good press of a button with anything at any place is answered or refused, never 5xx."""
    body = world.invoke("show_topic", {"id": "diagnostics", "lang": "de", "from": "journal"})
    await check_never_fails(bot, world, data.draw(changed(body)))


@live
@given(data=st.data())
async def test_made_up_activities_never_make_the_bot_fail(bot: LiveBot, world: World, data: st.DataObject) -> None:
    """An activity made of known names and anything as values, with good addressing, is never 5xx."""
    good = world.message()
    kept = data.draw(st.sets(st.sampled_from(["type", "channelId", "serviceUrl", "conversation", "channelData"])))
    body = good | data.draw(objects)
    await check_never_fails(bot, world, body | {key: good[key] for key in kept})


@live
@given(body=json_values | st.binary(max_size=100))
async def test_random_bodies_never_make_the_bot_fail(bot: LiveBot, world: World, body: object) -> None:
    """Any JSON value, and any bytes, with a good token are never 5xx."""
    await check_never_fails(bot, world, body)
