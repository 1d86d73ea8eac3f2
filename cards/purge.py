"""The one card of a purge request: the same for everybody at heart, with the buttons of the viewer and the state.

It never holds a file name, a line of a log or a person (security.md AZ-24); whoever did something is named by role.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cards.elements import Card, Element, actions, card, container, escape, facts, heading, open_url, subtle, text
from cards.parts import Said, button, standing_in_terms
from cards.parts import field as input_field
from cards.purge_parts import Press, limits, outcome, progress, proof_in_words, proves, scope, what_changed
from cards.verbs import Verb
from data.retention.request import OPEN, RUNNING, PurgeRequest, State

LONGEST_CODE: Final = 20
LONGEST_REASON: Final = 500
_TITLES: Final[Mapping[Verb, str]] = {
    Verb.PURGE_CONFIRM: "purging.confirm",
    Verb.PURGE_APPROVE: "purging.approve",
    Verb.PURGE_REJECT: "purging.reject",
    Verb.PURGE_REVOKE: "purging.revoke",
    Verb.PURGE_WITHDRAW: "purging.withdraw",
    Verb.PURGE_CANCEL: "purging.cancel",
    Verb.PURGE_SHOW: "buttons.show_now",
}
_STYLES: Final[Mapping[Verb, str]] = {Verb.PURGE_CONFIRM: "positive", Verb.PURGE_APPROVE: "positive"}
_ENDED_BY_PEOPLE: Final = frozenset({State.WITHDRAWN, State.REJECTED, State.REVOKED, State.CANCELLED})
_BEFORE_THE_END: Final = frozenset({State.PREVIEWED, State.AWAITING_SECOND, State.APPROVED, State.COOLING})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request as one viewer sees it."""

    request: PurgeRequest
    offers: tuple[Verb, ...] = ()
    """What this viewer may press now."""
    own: bool = False
    voted: bool = False
    asked: bool = False
    """Whether this viewer's approval is waited for."""
    run_out: bool = False
    """Whether its time is over, although nobody has noticed yet."""
    needed: int = 1
    """Approvals that the rule asks for."""
    max_share: float = 1.0
    worst: int | None = None
    """Age in microseconds that records reach here at worst; None before the first look."""
    doing: tuple[str, int, int] | None = None
    """Phase, done and total of the work that is under way."""
    asked_by: str = "somebody"
    ended_by: str = "somebody"
    """Words for who did the first and the last step."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Where the documents can be downloaded, by kind."""

    @property
    def too_much(self) -> bool:
        """Tell whether the purge would take more of the source than is allowed at once."""
        return self.request.preview.share > self.max_share

    @property
    def out_of_bounds(self) -> bool:
        """Tell whether it cannot be confirmed for that."""
        return self.request.state is State.PREVIEWED and self.too_much

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to delete."""
        return self.request.state is State.PREVIEWED and not self.request.preview.selected.units


def request_card(said: Said, view: RequestView, press: Press, *, note: str = "") -> Card:
    """Show a request; `note` is said first, about what was just done or not done."""
    request = view.request
    state = said(f"purging.state_{request.state}")
    body: list[Element] = []
    if note:
        body.append(container([text(note, weight="Bolder")], style="emphasis", bleed=True))
    body += [heading(said("purging.title", source=escape(request.source))), text(state, weight="Bolder")]
    body += [text(sentence) for sentence in _meaning(said, view)]
    body += _middle(said, view)
    body += _fields(said, view)
    body += _buttons(said, view, press)
    body += standing_in_terms(said)
    summary = said("purging.summary", source=request.source, state=state)
    return card(said.texts, body, summary=f"{note} {summary}".strip(), banner=said.banner)


def _meaning(said: Said, view: RequestView) -> Iterator[str]:
    """Say what the state means for this viewer."""
    request = view.request
    if view.run_out:
        yield said("purging.run_out", when=said.when(request.expires_at))
    elif view.empty:
        yield said("purging.nothing_selected")
    elif view.out_of_bounds:
        yield said("purging.previewed_too_much")
    elif request.state is State.PREVIEWED and view.own:
        yield said("purging.own_previewed")
    elif request.state is State.AWAITING_SECOND:
        yield from _waiting(said, view)
    else:
        yield said(f"purging.says_{request.state}", until=said.when(request.cooling_until))
    if view.out_of_bounds:
        share, most = said.share(request.preview.share), said.share(view.max_share)
        yield said("purging.too_much", share=share, most=most)
    if request.break_glass:
        yield said("purging.broke_glass")


def _waiting(said: Said, view: RequestView) -> Iterator[str]:
    if view.own:
        yield said("purging.own_awaiting_second")
    elif view.voted:
        yield said("purging.voted_awaiting_second")
    elif view.asked:
        yield said("purging.ask_awaiting_second")
    else:
        yield said("purging.says_awaiting_second")
    missing = view.needed - len(view.request.approvals)
    if missing == 1:
        yield said("purging.missing_one")
    elif missing > 1:
        yield said("purging.missing_more", count=said.number(missing))


def _middle(said: Said, view: RequestView) -> Iterator[Element]:
    """Give the figures that matter in this state."""
    request = view.request
    if view.doing:
        yield from progress(said, *view.doing)
    if request.state in _BEFORE_THE_END:
        yield from scope(said, request)
        yield from limits(said, request, view.worst)
    if request.state in RUNNING:
        yield from scope(said, request)
    if request.verdict:
        yield from outcome(said, request)
    yield facts(list(_story(said, view)))
    if request.state in _ENDED_BY_PEOPLE and request.story and request.story[-1].reason:
        yield text(said("purging.reason", reason=escape(request.story[-1].reason)))
    if request.verdict and request.certificate and not view.links:
        yield from proof_in_words(said, request)
    if request.state in _BEFORE_THE_END and not view.run_out:
        yield subtle(said("purging.valid_until", when=said.when(request.expires_at)))


def _story(said: Said, view: RequestView) -> Iterator[tuple[str, str]]:
    request = view.request
    yield said("purging.row_asked"), _by(said, view.asked_by, request.created_at)
    if request.confirmed_by and not request.break_glass:
        given, needed = said.number(len(request.approvals)), said.number(view.needed)
        yield said("purging.row_approvals"), said("purging.row_approvals_value", given=given, needed=needed)
    if request.state not in OPEN and request.story:
        yield said("purging.row_ended"), _by(said, view.ended_by, request.story[-1].at)
        if request.state is State.SUPERSEDED:
            yield said("purging.row_changed"), what_changed(said, request.story[-1].reason)


def _by(said: Said, who: str, when: int) -> str:
    return said("purging.row_by", who=said(f"purging.who_{who}"), when=said.when(when))


def _fields(said: Said, view: RequestView) -> Iterator[Element]:
    code = view.request.code
    waits = view.request.state in {State.PREVIEWED, State.AWAITING_SECOND} and not view.run_out
    if code and waits and (view.own or view.asked) and not (view.empty or view.out_of_bounds):
        yield text(said("purging.code", code=code), weight="Bolder", size="Medium", fontType="Monospace")
    if Verb.PURGE_CONFIRM in view.offers:
        yield input_field("code", said("purging.field_code"), maxLength=LONGEST_CODE)
    if Verb.PURGE_REJECT in view.offers:
        yield input_field("reason", said("purging.field_reason"), maxLength=LONGEST_REASON)


def _buttons(said: Said, view: RequestView, press: Press) -> Iterator[Element]:
    made = [_document(said, view.request, kind, url) for kind, url in view.links.items()]
    made += [_button(said, view, verb, press) for verb in view.offers]
    if made:
        yield actions(made)


def _button(said: Said, view: RequestView, verb: Verb, press: Press) -> Element:
    lang = said.texts.lang.value
    if verb is Verb.PURGE_PREVIEW:
        return button(said("purging.again"), verb, {"id": view.request.source, "lang": lang})
    if verb is Verb.PURGE_SHOW:
        return button(said(_TITLES[verb]), verb, {"id": view.request.id, "lang": lang})
    stops = verb is Verb.PURGE_CANCEL and view.request.state in RUNNING
    title = said("purging.stop") if stops else said(_TITLES[verb])
    return button(title, verb, press(verb), style="destructive" if stops else _STYLES.get(verb, "default"))


def _document(said: Said, request: PurgeRequest, kind: str, url: str) -> Element:
    certificate = {"pdf": "purging.proof_pdf", "json": "purging.proof_json"}
    report = {"pdf": "purging.report_pdf", "json": "purging.report_json"}
    titles = certificate if proves(request) else report
    return open_url(said(titles[kind]) if kind in titles else kind, url)
