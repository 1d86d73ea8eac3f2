"""The grammar of commands: what tells the bot to do something, apart from what asks about it.

Tried before the matcher (design 3.5). It is a grammar and no model, so that the line between an order and a question is
drawn by rules a person can read: a question, a wish about one's own data, a remark about somebody else or about another
product is never a command. A destructive command also needs a log as its object.
"""

import re
from enum import StrEnum, unique

from data.questions.normalise import words_of


@unique
class Command(StrEnum):
    """What somebody can tell the bot to do (ids of the label contract)."""

    PURGE_START = "purge_start"
    PURGE_CONFIRM = "purge_confirm"
    PURGE_CANCEL = "purge_cancel"
    PURGE_STATUS = "purge_status"
    RETENTION_STATUS = "retention_status"
    AUDIT_SHOW = "audit_show"
    HOLD_SET = "hold_set"
    HOLD_RELEASE = "hold_release"
    ALERT_SNOOZE = "alert_snooze"


STATE_CHANGING = frozenset(
    {
        Command.PURGE_START,
        Command.PURGE_CONFIRM,
        Command.PURGE_CANCEL,
        Command.HOLD_SET,
        Command.HOLD_RELEASE,
        Command.ALERT_SNOOZE,
    },
)


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(patterns) + r")")


_LOG = _any(
    r"\w*logs?\b", r"\w*logfiles?\b", r"\w*logdatei(?:en)?\b", r"\w*logeintraege?\b", r"\w*traces?\b", r"exceptions?\b",
    r"\w*protokolle?n?\b", r"(?:absturz|fehler|crash)\w*", r"diagnose\w*", r"telemetri\w*", r"log[- ](?:files?|data|entries|daten)\b",
    r"dumps?\b", r"log\b",
)  # fmt: skip
_PURGE = _any(
    r"purg(?:e|es|ed|ing)\b", r"\w*loesch(?:lauf|laeufe|vorgang|job|durchlauf|aktion|anfrage|antrag|auftrag)\w*", r"loeschung\w*",
    r"log-?loeschung\w*", r"\w*bereinigung\w*", r"clean-?\s?ups?\b", r"deletion(?: run| job)?\b", r"delete (?:run|job)\b",
    r"aufraeum(?:lauf|job|aktion)\w*", r"log-?cleanup\w*",
)  # fmt: skip
_DELETE = _any(
    r"loe?sch(?:e|en|t|st|s)?\b", r"loeschn\b", r"loeschen\b", r"entfern(?:e|en|t)?\b", r"bereinig(?:e|en|t)?\b", r"vernicht(?:e|en)\b",
    r"raeum(?:e|en|t|st)?\b", r"aufraeumen\b", r"wegraeumen\b", r"schmei(?:ss|sse|ssen)\b", r"wegschmeissen\b", r"hau(?:e|en)?\b", r"putz(?:e|en)?\b",
    r"weghauen\b", r"wegwerfen\b", r"wirf\b", r"weg mit\b", r"kill(?:e|en)?\b", r"purge[nr]?\b", r"delete\b", r"remove\b", r"wipe\b", r"erase\b",
    r"clear(?: out)?\b", r"clean(?: up| out)?\b", r"get rid of\b", r"drop\b", r"trash\b", r"dump (?:the|all|old)\b", r"nuke\b", r"ausmisten\b",
    r"flush\b", r"tidy up\b", r"zap\b", r"deleten\b", r"prune\b", r"scrub\b", r"bin (?:the|all)\b", r"leer(?:e|en)\b",
)  # fmt: skip
_START = _any(
    r"start(?:e|en|et|est)?\b", r"anstossen\b", r"stoss(?:e)?\b", r"ausfuehren\b", r"fuehr(?:e|en)?\b", r"mach(?:e|en|t)?\b", r"anwerfen\b", r"wirf\b",
    r"kick off\b", r"run\b", r"trigger\b", r"launch\b", r"begin\b", r"initiate\b", r"execute\b", r"do a\b", r"los(?:legen)?\b", r"beginn(?:e|en)?\b",
    r"durchfuehren\b", r"ausloesen\b", r"loes(?:e)?\b", r"einleiten\b", r"leite\b", r"lass(?:e|en)?\b", r"einplanen\b", r"schedule\b", r"request\b",
    r"beantrag(?:e|en)\b", r"anfordern\b", r"preview\b", r"vorschau\b", r"vorbereiten\b", r"prepare\b", r"new\b", r"neuer?n?\b", r"jetzt\b", r"now\b",
    r"bitte\b", r"please\b", r"pls\b", r"kick\b", r"set off\b", r"fire\b", r"go\b",
)  # fmt: skip
_OWN = _any(
    r"mein(?:e|en|em|er|es)?\b", r"my\b", r"mich\b", r"me\b", r"mir\b", r"account\b", r"konto\b", r"profil\w*", r"ueber uns\b", r"about us\b",
    r"personenbezogene\w*", r"personal data\b", r"personal information\b",
)  # fmt: skip
_NOT_OURS = _any(
    r"\w*(?:anruf|gespraech|verbindung|telefon)\w*", r"\w*journal\w*", r"call (?:log|history|list|record)\w*", r"calls\b", r"call\b(?! off| it off| that off)", r"chat\w*", r"nachricht\w*",
    r"messages?\b", r"voicemails?\b", r"mailbox\w*", r"e?mails?\b", r"kontakt\w*", r"contacts?\b", r"browser\w*", r"verlauf\b", r"history\b",
    r"outlook\b", r"exchange\b", r"windows\b", r"papierkorb\b", r"recycle\b", r"docker\b", r"kafka\b", r"git\b", r"github\b", r"jenkins\b",
    r"zoom\b", r"whatsapp\b", r"slack\b", r"sap\b", r"datev\b", r"jira\b", r"iphone\b", r"handy\b", r"meeting\b", r"termin\w*", r"sitzung\w*",
    r"besprechung\w*", r"webserver\b", r"apache\b", r"nginx\b", r"kubernetes\b", r"aufnahme\w*", r"recording\w*", r"fotos?\b", r"photos?\b",
    r"cookies?\b", r"cache\b", r"teamsitzung\b", r"excel\b", r"sharepoint\b", r"onedrive\b", r"event ?log\b", r"ereignisprotokoll\w*", r"change ?log\b",
    r"blogs?\b", r"vlogs?\b", r"logos?\b", r"order\b", r"bestellung\w*", r"abo\b", r"subscription\b", r"room\b", r"raum\b", r"flight\b", r"flug\b",
    r"receipt\b", r"invitation\b", r"einladung\b", r"urlaub\w*", r"appointments?\b", r"registry\b", r"database\b", r"newsletter\b",
)  # fmt: skip

_ASKS = re.compile(
    r"^(?:(?:und|and|also|aber|but|hi|hallo|hello|hey|guten (?:tag|morgen)|servus|moin|sag(?: mal)?|frage|quick question|question|kurze frage|eigentlich|ok(?:ay)?|so|ja|"
    r"na|bitte|please|sorry|entschuldigung|excuse me|mal ne frage|eine frage|noch ne frage)[,:;.! -]*)*"
    r"(?:wie|was|wann|wer|wen|wem|wo|woher|wohin|warum|wieso|weshalb|wozu|wofuer|welche[rsnm]?|wessen|wieviele?|inwie\w+|ab wann|bis wann|seit wann|darf|duerf\w*|muss|muessen|soll(?:te|ten|en|t)?|"
    r"werden|wird|wurden?|hat|haben|habt|hast|ist|sind|war|waren|gibt'?s?|kriegt|kommt|geht|gilt|gelten|how|what|whats|what's|when|who|whom|whose|why|where|which|"
    r"is|are|was|were|does|do|did|has|have|should|shall|must|may|am|will|would|isn't|aren't|doesn't|hasn't|ob|if|whether|stimmt|loescht|speichert|laeuft|lief|klappt)\b",
)
_MAY_WE = re.compile(
    r"\b(?:kann|koennen|koennten|darf|duerfen|muss|muessen|soll|sollen|sollten?|wuerde|can|could|may|should|must|shall) (?:ich|man|wir|jemand|jeder|admins?|estos|i|we|one|anyone|anybody|someone|somebody|admins|they|he|she|people)\b"
)
_PLEASE = re.compile(
    r"\b(?:kannst|koenntest|wuerdest|magst|koennen sie|koennten sie|wuerden sie|can you|could you|would you|will you|bitte|pls|plz|please|ich (?:will|moechte|wuerde gern\w*|haette gern\w*|brauch\w*)|i (?:want|need|would like|'d like)|i'd like|let's|lets|let us|lass uns|wir (?:wollen|muessen|sollten)|we need to|time to|zeit)\b"
)
_ABOUT = re.compile(
    r"\b(?:wie (?:man|ich|wir|kann|geht)|how (?:to|do|can|does)|was passiert|what happens|what if|was ist wenn|wenn ich|if i|falls ich|explain|erklaer\w*|unterschied|difference|bedeutet|means?|heisst|"
    r"erlaubt|allowed|zulaessig|verboten|automatisch|automatically|werden|wird|gets?|von selbst|estos (?:loescht|delete\w*|purge\w*)|loescht estos|by estos|von estos|bei estos|frueher als|sooner than|before 90|darf man|ueberleg\w*|wondering|thinking (?:about|of)|was meinst|was meinen sie|what do you think|thoughts|hat jemand|did someone|has anyone|somebody|someone deleted|jemand)\b",
)
_NEGATED = re.compile(
    r"\b(?:nicht|nich|net|ned|ned|nix|keine?n?|don't|dont|do not|not|never|niemals|noch nicht|doch nicht)\b"
)

_CONFIRM = _any(
    r"bestaetig\w*", r"confirm(?:ed|ing)?\b", r"freigeb\w*", r"freigabe\b", r"geb(?:e)? \w* ?\w* ?\w* ?frei\b", r"genehmig\w*", r"approv(?:e|ed|al)\b", r"go ahead\b", r"proceed\b", r"einverstanden\b",
    r"ja,? (?:loesch|mach|los|bitte|ausfuehr|passt|bestaetig|genau|tu|weiter|start|purge|so)\w*", r"yes,? (?:delete|do|go|please|confirm|purge|proceed|start|run|that's|i'm)\w*",
    r"abgesegnet\b", r"absegnen\b", r"zustimm\w*", r"stimm\w* zu\b", r"do it\b", r"mach'?s\b", r"tu es\b", r"leg los\b", r"green light\b", r"gruenes licht\b", r"sign(?:ed)? off\b", r"authori[sz]e\b", r"i agree\b",
    r"passt so\b", r"code (?:ist |lautet |is )?[a-z0-9-]{4,}",
)  # fmt: skip
_CANCEL = _any(
    r"abbrech\w*", r"abbruch\b", r"abgebrochen\b", r"bri?ch\b", r"brech(?:e|t)?\b", r"stop(?:p|pe|pen|ped|pt)?\b", r"stornier\w*", r"cancel\w*", r"abort\w*", r"halt\b", r"rueckgaengig\b", r"zurueckzieh\w*", r"zieh\w* .*zurueck\b",
    r"withdraw\w*", r"undo\b", r"call (?:it |that )?off\b", r"widerruf\w*", r"verwerf\w*", r"discard\b", r"kommando zurueck\b", r"doch nicht\b", r"nevermind\b", r"never mind\b", r"anhalten\b", r"beende[nt]?\b", r"revoke\b",
    r"don't (?:run|do|delete|purge|execute|start)\b", r"do not (?:run|do|delete|purge|execute|start)\b", r"vergiss (?:den|die|das|es)\b", r"ablehn\w*", r"lehn\w* .*\bab\b", r"reject\w*", r"scratch that\b", r"hold on\b",
    r"ausbremsen\b", r"einstellen\b", r"kill the\b", r"forget (?:the|that|it)\b", r"nicht (?:ausfuehren|starten|durchfuehren)\b",
)  # fmt: skip
_STATE = _any(
    r"status\b", r"stand\b", r"laeuft\b", r"lauft\b", r"lief\b", r"laufen\b", r"fertig\b", r"durch\b", r"durchgelaufen\b", r"gelaufen\b", r"beendet\b", r"finished?\b", r"done\b", r"progress\b", r"fortschritt\b", r"running\b",
    r"wie weit\b", r"how far\b", r"complete\w*", r"abgeschlossen\b", r"geklappt\b", r"erfolgreich\b", r"success\w*", r"succeed\w*", r"worked\b", r"letzte[rnm]?\b", r"last\b", r"latest\b", r"update\b", r"ergebnis\b", r"result\w*",
    r"haengt\b", r"stuck\b", r"still\b", r"dauert\b", r"prozent\b", r"percent\b", r"eta\b", r"how long (?:will|does|until|till|left)\b", r"noch\b", r"pending\b", r"offene?\b", r"failed\b", r"fehlgeschlagen\b", r"schiefgegangen\b",
    r"wo steh\w+", r"where (?:are|is)\b", r"went\b", r"go(?:ing|ne)? through\b", r"schon\b", r"yet\b", r"already\b", r"naechste[rn]?\b", r"next\b", r"abgebrochen\b", r"open\b", r"through\b", r"gestartet\b", r"started\b", r"over\b", r"vorbei\b", r"rum\b",
)  # fmt: skip
_OVERDUE = _any(
    r"ueberfaellig\w*", r"overdue\b", r"aelter (?:als|wie)\b", r"older than\b", r"past (?:their|the|its|due|90|retention)\b", r"faellig\w*", r"due\b", r"abgelaufen\w*", r"expired\b", r"expir(?:e|es|ing)\b", r"ablaufen\w*", r"laufen .*\bab\b", r"ueberschritten\b", r"ueberschreit\w*",
    r"ueber (?:der frist|90|die 90|neunzig|die frist)\b", r"over (?:90|ninety|the limit|the 90)\b", r"beyond\b", r"exceed\w*", r"zu alt\w*", r"too old\b", r"zu lange\b", r"retention (?:status|overview|report)\b", r"loeschfaellig\w*", r"faelligkeit\w*", r"mehr als (?:90|neunzig)\b",
    r"more than (?:90|ninety)\b", r"loeschreif\w*", r"outdated\b", r"late\b", r"stale\b", r"exceeding\b", r"near(?:ing)? (?:the|their)\b", r"approaching\b", r"kurz vor\b", r"ready for (?:deletion|purg\w+)\b", r"wuerde\w* geloescht\b", r"would be (?:deleted|purged)\b",
    r"fristueberschreit\w*", r"deadline\b", r"behind\b", r"im verzug\b", r"hinterher\b", r"ueberzogen\b", r"running out\b", r"compliance\b", r"retention limit\b", r"loeschfrist\w*",
)  # fmt: skip
_ASKS_STATE = _any(
    r"welche[rsnm]?\b", r"gibt'?s?\b", r"gibt es\b", r"haben wir\b", r"hamma\b", r"any\b", r"show\w*", r"zeig\w*", r"list\w*", r"which\b", r"are there\b", r"do we have\b", r"what\b", r"was\b", r"uebersicht\b", r"overview\b", r"anzeigen\b", r"status\b", r"auflist\w*", r"how many\b", r"wie viele?\b", r"wieviele?\b",
    r"stehen\b", r"sind\b", r"ist\b", r"is\b", r"are\b", r"noch\b", r"liegen\b", r"report\b", r"bericht\b", r"check\w*", r"pruef\w*", r"anything\b", r"irgend\w*", r"wo\b", r"where\b", r"give me\b", r"gib\b", r"have\b", r"tell me\b", r"sag\b", r"got\b", r"aktuell\b", r"current\w*", r"alle\b", r"all\b", r"nenn\w*", r"ausgeben\b",
)  # fmt: skip
_PROOF = _any(
    r"\w*nachweis\w*", r"loeschprotokoll\w*", r"loeschnachweis\w*", r"loeschbeleg\w*", r"audit\w*", r"zertifikat\w*", r"certificate\w*", r"proof\b", r"prove\b", r"evidence\b", r"beleg\w*", r"beweis\w*", r"loeschhistorie\b", r"loeschbescheinigung\w*", r"purge (?:log|history|report|record)s?\b",
    r"deletion (?:log|history|report|record|certificate|protocol)s?\b", r"purge-?(?:historie|protokoll|log|report)\w*", r"pruefpfad\b", r"pruefprotokoll\w*", r"loeschbericht\w*", r"dokumentation (?:der|zur|von) loeschung\w*",
)  # fmt: skip
_WHO_DID = re.compile(
    r"\b(?:wer|who|welcher (?:admin|kollege)|which admin)\b.*\b(?:bestaetigt|freigegeben|genehmigt|geloescht|gestartet|ausgeloest|abgesegnet|abgebrochen|approved?|confirmed?|started|deleted|triggered|signed|ran|purged|authori[sz]ed|requested|beantragt|angestossen|durchgefuehrt|ausgefuehrt|cancell?ed|gemacht|did|okayed)\b",
)
_WHAT_WAS = re.compile(
    r"\b(?:was|what|welche logs|which logs)\b.*\b(?:wurden? .*geloescht|was deleted|got deleted|has been deleted|were deleted|wurden? .*gepurged|was purged|were purged|been purged)\b"
)
_HOLD = _any(
    r"hold\b", r"holds\b", r"\w*loesch-?\s?sperr\w*", r"legal hold\w*", r"aufbewahrungssperre\w*", r"loeschstopp?\w*", r"litigation hold\b", r"sperrvermerk\w*", r"sperre\w*", r"sperrt?\b", r"sperr\b", r"freeze\b", r"einfrier\w*", r"frier\w*", r"einfroren\b", r"preserv\w*", r"retention lock\b", r"beweissicher\w*", r"loeschverbot\b", r"loeschmoratorium\b", r"block deletion\b", r"(?:keep|protect) .*\bfrom (?:deletion|being|purg\w+|the purge)",
    r"on ice\b", r"vom loeschen ausnehmen\b", r"ausnehmen\b", r"vorerst\b", r"bis auf weiteres\b", r"until further notice\b", r"for now\b", r"suspend deletion\b", r"exempt\b", r"aussetzen\b",
)  # fmt: skip
_HOLD_NAME = _any(
    r"hold\b", r"holds\b", r"\w*loesch-?\s?sperr\w*", r"legal hold\w*", r"aufbewahrungssperre\w*", r"loeschstopp?\w*", r"sperrvermerk\w*", r"sperre\w*", r"freeze\b", r"retention lock\b", r"lock\b", r"loeschverbot\b", r"moratorium\b", r"blockade\b",
)  # fmt: skip
_RELEASE = _any(
    r"release\w*", r"remov\w*", r"lift\w*", r"aufheb\w*", r"aufgehob\w*", r"entfern\w*", r"loes(?:e|en)\b", r"freigeb\w*", r"wieder frei\w*", r"weg\b", r"wegnehm\w*", r"rausnehm\w*", r"raus\b", r"beend\w*", r"delete\b", r"drop\b", r"clear\b", r"end\b", r"nimm\b", r"heb\w*", r"entsperr\w*", r"unfreeze\b", r"unlock\b", r"zuruecknehm\w*", r"take .*\boff\b", r"cancel\w*", r"no longer\b", r"nicht mehr\b", r"loesch\w*",
    r"let go\b", r"auftauen\b", r"deaktivier\w*", r"stopp?en?\b", r"abschalten\b", r"ausschalten\b", r"end the\b", r"auslaufen\b", r"erledigt\b", r"hinfaellig\b", r"schluss\b", r"gib .*\bfrei\b", r"frei\b", r"off\b", r"undo\b", r"revoke\b", r"ablaufen\b", r"unhold\b", r"storn\w*", r"expire\b", r"over\b",
)  # fmt: skip
_SNOOZE = _any(
    r"snooz\w*", r"stumm\w*", r"erinner\w*", r"remind\w*", r"zurueckstell\w*", r"zurueckgestellt\b", r"stell\w* .*zurueck\b", r"mut(?:e|en|ed)\b", r"pausier\w*", r"pause\b", r"verschieb\w*", r"verschob\w*", r"postpone\w*", r"spaeter\b", r"later\b", r"silence\b", r"schlummer\w*", r"aufschieb\w*", r"vertag\w*", r"nicht jetzt\b", r"not now\b", r"defer\b", r"ping me\b", r"meld\w* dich\b", r"nerv\w*", r"ruhe\b", r"quiet\b", r"leise\b", r"unterdrueck\w*", r"suppress\b", r"dismiss\b", r"delay\b", r"hush\b", r"wiedervorlage\b", r"bug me\b", r"alert me again\b", r"notify me again\b", r"come back to me\b",
)  # fmt: skip
_ALERT = _any(
    r"alert\w*", r"alarm\w*", r"warn\w*", r"hinweis\w*", r"meldung\w*", r"erinnerung\w*", r"reminder\w*", r"notif\w*", r"benachrichtigung\w*", r"das\b", r"this\b", r"that\b", r"it\b", r"mich\b", r"me\b", r"mir\b", r"es\b", r"dran\b", r"\d+\s?(?:tage?n?|days?|stunden?|hours?|wochen?|weeks?|h|d)\b", r"morgen\b", r"tomorrow\b", r"montag\b", r"monday\b", r"naechste\w* woche\b", r"next week\b",
)  # fmt: skip
_BARE_CONFIRM = re.compile(
    r"^(?:ja,?\s*)?(?:yes,?\s*)?(?:ich |i |bitte |please )*(?:bestaetige[n]?|bestaetigt|bestaetigung|confirm|confirmed|freigeben|freigabe|freigegeben|genehmigt|genehmige[n]?|approve|approved)(?: es| das| it| that| hiermit| bitte| please| this)*[.! ]*$"
)
_BARE_CANCEL = re.compile(
    r"^(?:nein,?\s*|no,?\s*|bitte |please |doch |wait,?\s*|halt,?\s*|no wait,?\s*|stopp?,?\s*)*(?:abbrechen|abbruch|abbrechen bitte|cancel|cancel (?:it|that|this)|stop(?:p|pen)?|stop it|abort|stornieren|brich (?:das |es )?ab|rueckgaengig(?: machen)?|undo(?: that| it)?|doch nicht)(?: bitte| please| now| sofort)*[.! ]*$"
)
_YES = re.compile(
    r"^(?:ja|jo|jep|jawohl|yes|yep|yeah|ok|okay|passt|sure|klar|einverstanden|go|los|mach|genau|do it|go ahead|leg los|gerne|gern)\b[ a-z,]{0,30}[.! ]*$"
)
_NO = re.compile(
    r"^(?:nein|ne|nee|no|nope|halt|stopp?|warte|wait|doch nicht|lieber nicht|lass(?: es| mal)?|never ?mind)\b[ a-z,]{0,40}[.! ]*$"
)
_STATUS_ONLY = re.compile(r"^(?:purge|loeschlauf|loeschvorgang|cleanup)[- ]?(?:status|stand)?[?.! ]*$")
_HARDLY_ANY = 12


def parse_command(even: str, *, last: Command | None = None) -> Command | None:
    """Recognise a command in a normalised text; None for everything else.

    `last` is the command recognised just before in the same conversation: after a purge was started, "yes" and "no,
    stop" answer it.
    """
    if not words_of(even):
        return None
    replied = _reply(even, last)
    if replied is not None or _NOT_OURS.search(even):
        return replied
    for test in (_snooze, _proof, _hold, _cancel, _confirm, _status, _overdue, _start):
        command = test(even)
        if command is not None:
            return command
    return None


def is_plain_order(even: str) -> bool:
    """Tell whether a text begins as an order does, with its verb."""
    return bool(_ORDERS.match(even)) and not _is_question(even)


def answers_command(even: str, last: Command | None) -> bool:
    """Tell whether a text only makes sense as an answer to the command before it."""
    return _reply(even, last) is not None


def permits(even: str, command: Command) -> bool:
    """Tell whether a text may be taken for a command that something else suggests.

    Nothing permits a question, one's own data, somebody else's things, or a purge that names nothing to be purged.
    """
    if _NOT_OURS.search(even):
        return False
    if command not in STATE_CHANGING:
        return not _ABOUT_US.search(even)
    if _is_question(even) or _HOLD_ON.search(even):
        return False
    if command is Command.PURGE_START and (_NEGATED.search(even) or _OWN_DATA.search(even)):
        return False
    return bool(_PURGE.search(even) or _LOG.search(even) or _HOLD_NAME.search(even) or _ALERT_NAME.search(even))


def _is_question(even: str) -> bool:
    """Tell whether a text asks about something instead of telling the bot to do it."""
    if _MAY_WE.search(even) or _ABOUT.search(even):
        return True
    return bool(_ASKS.match(even)) or (even.endswith("?") and not _PLEASE.search(even))


def _reply(even: str, last: Command | None) -> Command | None:
    if last is not None and _BARE_CONFIRM.match(even):
        return Command.PURGE_CONFIRM
    if last is not None and _BARE_CANCEL.match(even):
        return Command.PURGE_CANCEL
    if last in (Command.PURGE_START, Command.PURGE_CONFIRM):
        if _YES.match(even):
            return Command.PURGE_CONFIRM
        if _NO.match(even) or (_CANCEL.search(even) and not _is_question(even)):
            return Command.PURGE_CANCEL
    if last in (Command.RETENTION_STATUS, Command.ALERT_SNOOZE) and _SNOOZE.search(even) and not _is_question(even):
        return Command.ALERT_SNOOZE
    return None


def _snooze(even: str) -> Command | None:
    asks = _is_question(even)
    return (
        Command.ALERT_SNOOZE
        if not asks and not _OWN_DATA.search(even) and _SNOOZE.search(even) and _ALERT.search(even)
        else None
    )


def _proof(even: str) -> Command | None:
    if (_WHO_DID.search(even) or _WHAT_WAS.search(even)) and (_PURGE.search(even) or _LOG.search(even)):
        return Command.AUDIT_SHOW
    if _PROOF.search(even) and not _ABOUT_PROOF.search(even):
        return Command.AUDIT_SHOW
    return None


def _hold(even: str) -> Command | None:
    if _ASKS.match(even) or even.endswith("?") or not _HOLD.search(even) or _HOLD_ON.search(even):
        return None
    named = _HOLD_NAME.search(even)
    keeps = _NEGATED.search(even) and _DELETE_ANY.search(even)
    if named and _RELEASE.search(even) and not _SETS.search(even) and not keeps:
        return Command.HOLD_RELEASE
    if named or (_LOG.search(even) and (_NEGATED.search(even) or _KEEPS.search(even))):
        return Command.HOLD_SET
    return None


def _cancel(even: str) -> Command | None:
    if _is_question(even) or not _CANCEL.search(even):
        return None
    about_purge = _PURGE.search(even) or (_LOG.search(even) and _DELETE_ANY.search(even))
    return Command.PURGE_CANCEL if about_purge else None


def _confirm(even: str) -> Command | None:
    if _is_question(even) or not _CONFIRM.search(even) or _NEGATED.search(even):
        return None
    about_purge = _PURGE.search(even) or (_LOG.search(even) and _DELETE_ANY.search(even)) or _CODE.search(even)
    return Command.PURGE_CONFIRM if about_purge else None


def _status(even: str) -> Command | None:
    if _OVERDUE.search(even) and _LOG.search(even):
        return None
    if _STATUS_ONLY.match(even) or (_PURGE.search(even) and _STATE.search(even) and not _ABOUT_STATUS.search(even)):
        return None if _orders_purge(even) else Command.PURGE_STATUS
    return None


def _overdue(even: str) -> Command | None:
    if not _OVERDUE.search(even) or _orders_purge(even):
        return None
    about_logs = _LOG.search(even) or _DUE_ALONE.search(even)
    return Command.RETENTION_STATUS if about_logs and _ASKS_STATE.search(even) and not _GENERAL.search(even) else None


def _start(even: str) -> Command | None:
    return Command.PURGE_START if _orders_purge(even) else None


def _orders_purge(even: str) -> bool:
    if _OWN_DATA.search(even) or _is_question(even) or _RIGHT_TO.search(even):
        return False
    if _PURGE.search(even) and (_START.search(even) or _LOG.search(even) or len(even) <= _HARDLY_ANY):
        return True
    return bool(_DELETE.search(even) and _LOG.search(even)) and not _NEGATED.search(even)


_OWN_DATA = _OWN
_ABOUT_US = re.compile(r"\b(?:estos|bedingungen|terms|darf|duerfen|allowed|erlaubt)\b")
_ALERT_NAME = _any(r"alert\w*", r"alarm\w*", r"warn\w*", r"hinweis\w*", r"meldung\w*", r"remind\w*", r"erinner\w*", r"snooz\w*", r"frist\w*", r"ueberfaellig\w*", r"overdue\b")
_RIGHT_TO = re.compile(r"\b(?:recht auf|antrag auf|anspruch auf|right to|request for erasure)\b")
_ORDERS = re.compile(r"^(?:(?:bitte|please|pls|hey|hi|hallo|ok|so|jetzt|now)[ ,]+)*(?:start|run|purge|delete|remove|wipe|clear|clean|trigger|launch|kick|loesch\w*|starte?|entfern\w*|raeum\w*|bereinig\w*|fuehr|stoss|confirm|approve|bestaetig\w*|genehmig\w*|cancel|abort|stop|stopp\w*|brich|abbrech\w*|set|place|put|setz\w*|release|lift|remove|heb|snooze|remind|erinner\w*|show|zeig\w*|list)\b")
_DELETE_ANY = _any(
    r"\w*loesch\w*",
    r"delet\w*",
    r"remov\w*",
    r"purg\w*",
    r"clean\w*",
    r"bereinig\w*",
    r"entfern\w*",
    r"wip\w*",
    r"eras\w*",
    r"raeum\w*",
)
_CODE = re.compile(r"\bcode\b")
_SETS = _any(
    r"setz\w*",
    r"set\b",
    r"plac\w*",
    r"put\b",
    r"anleg\w*",
    r"leg\w*",
    r"einricht\w*",
    r"aktivier\w*",
    r"verhaeng\w*",
    r"add\b",
    r"create\b",
    r"brauch\w*",
    r"need\b",
    r"neue?n?\b",
    r"new\b",
    r"apply\b",
    r"impose\b",
    r"erstell\w*",
    r"eintrag\w*",
)
_KEEPS = _any(
    r"keep\b",
    r"behalt\w*",
    r"aufheben\b",
    r"aufbewahr\w*",
    r"preserv\w*",
    r"protect\w*",
    r"freeze\b",
    r"einfrier\w*",
    r"frier\w*",
    r"sperr\w*",
    r"ausnehmen\b",
    r"exempt\b",
    r"on ice\b",
    r"suspend\b",
    r"aussetzen\b",
    r"block\b",
)
_HOLD_ON = re.compile(
    r"^hold on\b|\bhold (?:the line|my|your|it|up|a meeting|elevator)\b|\bon hold (?:music|during|while)\b|\bput (?:me|him|her|a caller|callers|them) on hold\b"
)
_ABOUT_PROOF = re.compile(
    r"\b(?:wie lange|how long|zertifizier\w*|ssl|tls|iso|certified|certification|schul\w*|training|course|kurs|einzelverbindungs\w*|verbindungs\w*|audit (?:date|team|partner|logs? of)|krank\w*|reise\w*|arzt\w*|steuer\w*|tax|client certificate|server certificate|was ist|what is|microsoft|entra|azure|wird .* auditiert|estos)\b"
)
_ABOUT_STATUS = re.compile(
    r"\b(?:wie lange|how long are|how long do|how often|wie oft|darf|allowed|should|kann ich|can i|was passiert|what happens|wenn)\b"
)
_DUE_ALONE = re.compile(
    r"\b(?:ueberfaellig\w*|overdue|loeschfaellig\w*|fristueberschreit\w*|retention (?:status|overview|report)|loeschreif\w*)\b"
)
_GENERAL = re.compile(
    r"\b(?:darf|duerfen|may i|am i allowed|can i keep|can we keep|warum|why|wieso|weshalb|frueher als|sooner|ab wann|from when|what happens|was passiert|terms|bedingungen|rechnung\w*|invoice\w*|buch|book|library|paket|parcel|miete|rent|bill|payment|zahlung\w*|steuer\w*|tuev|inspection|sage[nr]?|erlaubt|allowed|does estos|loescht estos|speichert estos|estos keep\w*|estos delete\w*|what if|how long|wie lange)\b"
)
