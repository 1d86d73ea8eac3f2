"""The card of a refusal: what was not done and why, who could, and that nothing was changed."""

from collections.abc import Iterable

from cards.elements import Card, Element, actions, card, escape, heading, subtle, text
from cards.parts import Said

PREFIX = "refused."


def refusal_card(
    said: Said, reason: str, *, roles: Iterable[str] = (), detail: str = "", buttons: Iterable[Element] = ()
) -> Card:
    """Say why something was refused; `roles` who could do it, `detail` what the service said, in English."""
    key = PREFIX + (reason if PREFIX + reason in said.texts.keys() else "other")  # noqa: SIM118  not a mapping
    why = said(key)
    body: list[Element] = [heading(said("refused.title")), text(why)]
    names = ", ".join(said(f"roles.{role}") for role in roles)
    if names:
        body.append(text(said("refused.who", roles=names)))
    if detail and key.endswith(".other"):
        body.append(subtle(escape(detail)))
    body.append(subtle(said("refused.nothing_changed")))
    offered = list(buttons)
    if offered:
        body.append(actions(offered))
    return card(said.texts, body, summary=f"{said('refused.title')}. {why}", banner=said.banner)
