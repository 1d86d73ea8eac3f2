"""What the made-up programs say, German and English mixed, about people who do not exist.

Names are the usual stand-ins, mail addresses lie under domains reserved for examples (RFC 2606), network addresses
under those reserved for documentation (RFC 5737, RFC 3849), telephone numbers in the ranges that the Bundesnetzagentur
and Ofcom keep for fiction.
"""

from typing import Final

from data.samples.dice import Dice

PEOPLE: Final = (
    ("Erika Mustermann", "erika.mustermann@beispiel.example"),
    ("Max Mustermann", "max.mustermann@beispiel.example"),
    ("Lieschen Müller", "lieschen.mueller@beispiel.example"),
    ("Otto Normalverbraucher", "otto.normal@beispiel.example"),
    ("Jörg Beispiel", "joerg.beispiel@beispiel.example"),
    ("Jane Doe", "jane.doe@example.com"),
    ("John Smith", "john.smith@example.com"),
    ("Anna Example", "anna@example.com"),
)
"""Name and mail address."""

_NUMBERS: Final = (
    "+493023125{:03d}",
    "+496990009{:03d}",
    "+494066969{:03d}",
    "+492214710{:03d}",
    "+498999998{:03d}",
    "+442079460{:03d}",
)
_HOSTS: Final = ("192.0.2.{}", "198.51.100.{}", "203.0.113.{}", "2001:db8::{:x}")

DESKTOP: Final = (
    ("INF", "Anruf von {number} für {mail} signalisiert (Leitung {small})"),
    ("INF", "Präsenz von {name} wechselt auf Abwesend"),
    ("INF", "Presence of {mail} changed to Busy"),
    ("INF", "Connected to ucserver.beispiel.example:7222 in {large} ms"),
    ("INF", "Kontaktsuche nach »{name}« lieferte {small} Treffer in {large} ms"),
    ("DBG", "SIP OPTIONS sip:{mail} -> 200 OK ({large} ms)"),
    ("DBG", "ICE candidate pair selected: {host} relay, RTT {large} ms"),
    ("WRN", "Audio-Jitter {large} ms auf Headset »Beispiel 70« über dem Grenzwert"),
    ("WRN", "Retry {small} of 5: certificate of push.example.com expires soon"),
    ("INF", "Abgleich der Outlook-Termine beendet: {small} neu, {large} unverändert"),
)
MOBILE: Final = (
    ("Information", "Push für {mail} empfangen, Anruf {id}"),
    ("Information", "App resumed after {large} s in background"),
    ("Information", "Anmeldung von {name} über {host} erfolgreich"),
    ("Warning", "Netz gewechselt: WLAN -> LTE, Gespräch {id} gehalten"),
    ("Debug", 'WebSocket ping {large} ms, "quoted" and \\ back, trace {id}'),
    ("Information", "Contact sync: {small} added, {large} kept"),
)
SERVER: Final = (
    ("INFO", "Estos.UCServer.Line", "Leitung {small}: Gespräch {id} mit {number} aufgebaut"),
    ("INFO", "Estos.UCServer.Presence", "{mail} subscribed to {small} contacts"),
    ("DEBUG", "Estos.UCServer.Ldap", "LDAP-Suche (telephoneNumber={number}) in {large} ms"),
    ("WARN", "Estos.UCServer.Tapi", "TAPI-Leitung {small} antwortet nicht, Versuch {small}"),
    ("INFO", "Estos.UCServer.Federation", "Federation with example.com established from {host}"),
    ("TRACE", "Estos.UCServer.Rtc", "SDP offer for {id}: a=candidate {host} typ srflx"),
)
PATHS: Final = (
    "/api/v1/presence/{id}",
    "/api/v1/contacts?q={small}",
    "/signalr/negotiate?id={id}",
    "/assets/app.{id}.js",
    "/login",
)
AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "ProCallMobile/9.2 (Android 15; de-DE)",
)
SPANS: Final = ("Anmeldung", "call.setup", "presence.publish", "contact.search", "ldap.query", "push.send")
FAULTS: Final = (
    ("System.InvalidOperationException", "Die Verbindung zum UCServer ist unterbrochen."),
    ("System.TimeoutException", "The operation has timed out after {large} ms."),
    ("System.Net.Http.HttpRequestException", "Connection refused (ucserver.beispiel.example:7222)"),
    ("System.Net.Sockets.SocketException (10061)", "Es konnte keine Verbindung hergestellt werden. {host}:7222"),
    ("System.NullReferenceException", "Object reference not set to an instance of an object."),
    ("Estos.ProCall.Tapi.LineException", "Leitung {small} ({number}) ist nicht verfügbar."),
    ("System.IO.IOException", "Der Prozess kann nicht auf die Datei »kontakte.db« zugreifen."),
)
METHODS: Final = (
    "Estos.ProCall.Net.Session.OpenAsync(Uri server, CancellationToken token)",
    "Estos.ProCall.Calls.CallManager.<DialAsync>d__{large}.MoveNext()",
    "Estos.ProCall.Presence.Publisher.Publish(PresenceState state)",
    "Estos.ProCall.Contacts.Search`1.Run(String query)",
    "System.Runtime.CompilerServices.TaskAwaiter.HandleNonSuccessAndDebuggerNotification(Task task)",
    "System.Threading.ThreadPoolWorkQueue.Dispatch()",
    "System.Net.Security.SslStream.ForceAuthenticationAsync[TIOAdapter](Boolean receiveFirst)",
)


def filled(dice: Dice, text: str) -> str:
    """Put made-up people, numbers and hosts into a text."""
    name, mail = dice.pick(PEOPLE)
    return text.format(
        name=name,
        mail=mail,
        number=dice.pick(_NUMBERS).format(dice.below(1000)),
        host=host(dice),
        small=dice.below(9) + 1,
        large=dice.below(900) + 20,
        id=dice.hexadecimal(12),
    )


def host(dice: Dice) -> str:
    """Make up a network address."""
    return dice.pick(_HOSTS).format(dice.below(253) + 1)


def net_fault(dice: Dice) -> str:
    """Make up a .NET exception with its stack, some with inner exceptions, some as a German .NET prints them."""
    german = dice.share(30)
    word, inner_end = (
        ("bei", "Ende der internen Ausnahmestapelüberwachung")
        if german
        else (
            "at",
            "End of inner exception stack trace",
        )
    )
    resumed = (
        "Ende der Stapelüberwachung vom vorhergehenden Ort, an dem die Ausnahme ausgelöst wurde"
        if german
        else "End of stack trace from previous location"
    )
    depth = dice.below(3)
    lines = [_fault_head(dice)]
    lines += [f" ---> {_fault_head(dice)}" for _ in range(depth)]
    for level in range(depth, -1, -1):
        lines += [_frame(dice, word) for _ in range(dice.below(4) + 2)]
        if dice.share(40):
            lines += [f"--- {resumed} ---", _frame(dice, word)]
        if level:
            lines.append(f"   --- {inner_end} ---")
    return "\n".join(lines)


def _fault_head(dice: Dice) -> str:
    kind, text = dice.pick(FAULTS)
    return f"{kind}: {filled(dice, text)}"


def _frame(dice: Dice, word: str) -> str:
    where = ""
    if dice.share(50):
        place, line = ("in", "line") if word == "at" else ("in", "Zeile")
        where = f" {place} C:\\agent\\src\\ProCall\\Part{dice.below(9)}.cs:{line} {dice.below(900) + 10}"
    return f"   {word} {dice.pick(METHODS).format(large=dice.below(90))}{where}"
