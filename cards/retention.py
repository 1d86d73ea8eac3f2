"""The cards that show how things stand: the overview of all sources, and the weekly report with its chart."""

from collections.abc import Mapping, Sequence
from typing import Final

from cards.elements import Card, Element, actions, card, container, escape, facts, heading, subtle, text
from cards.parts import Said, button, standing_in_terms
from cards.verbs import Verb
from data.desk.alert import AlertState
from data.office.digest import Digest, PurgeLine, SourceLine, Witness
from data.retention.instants import BEGINNING, DAY, Instant
from data.retention.rule import LONGEST_AGE
from data.watch import SourceStatus, Standing

PAGE: Final = 10
"""Sources on one card."""
_BARS: Final = 10
_PURGES: Final = 8
_LONGEST_TITLE: Final = 40
_STYLES: Final = {Standing.OVERDUE: "attention", Standing.UNKNOWN: "warning", Standing.DUE: "emphasis",
                  Standing.OK: "default"}  # fmt: skip


def looking_card(said: Said) -> Card:
    """Say that the sources are being looked at for the first time."""
    again = button(said("retention.button_refresh"), Verb.RETENTION_SHOW, _data(said, "1"))
    body = [heading(said("retention.title")), text(said("retention.looking")), actions([again])]
    return card(said.texts, [*body, *standing_in_terms(said)], summary=said("retention.title"), banner=said.banner)


def overview_card(
    said: Said,
    statuses: Sequence[SourceStatus],
    *,
    at: Instant,
    titles: Mapping[str, str],
    kinds: Mapping[str, str],
    may_purge: bool,
    page: int = 1,
) -> Card:
    """Show how every source stands, in the order given, a page at a time; `kinds` is the kind of data by source."""
    counts = {standing: sum(status.standing is standing for status in statuses) for standing in Standing}
    body: list[Element] = [
        heading(said("retention.title")),
        subtle(said("retention.looked", when=said.when(at))),
        text(said("retention.counts", **{standing.value: said.number(counts[standing]) for standing in Standing}))
        if statuses
        else text(said("retention.none")),
    ]
    start = min((page - 1) * PAGE, max(0, len(statuses) - 1) // PAGE * PAGE)
    shown = statuses[start : start + PAGE]
    body += [_source(said, status, titles, kinds, may_purge=may_purge) for status in shown]
    left = len(statuses) - start - len(shown)
    total = said.number(len(statuses))
    if left:
        body.append(text(said("retention.more", shown=said.number(len(shown)), total=total, count=said.number(left))))
    elif start:
        body.append(text(said("retention.last_page", shown=said.number(len(shown)), total=total)))
    further = (Verb.RETENTION_SHOW, str(start // PAGE + 2)) if left else (Verb.RETENTION_SHOW, "1")
    row = [
        button(said("retention.button_alerts"), Verb.ALERT_LIST, _data(said, "1")),
        button(said("retention.button_dead"), Verb.DELIVERY_REPORT, _data(said, "dead")),
    ]
    if left or start:
        title = said("retention.button_next" if left else "retention.button_first")
        row.insert(0, button(title, further[0], _data(said, further[1])))
    body += [actions(row), *standing_in_terms(said)]
    return card(said.texts, body, summary=said("retention.title"), banner=said.banner)


def _data(said: Said, name: str) -> dict[str, str]:
    return {"id": name, "lang": said.texts.lang.value}


def _source(
    said: Said, status: SourceStatus, titles: Mapping[str, str], kinds: Mapping[str, str], *, may_purge: bool
) -> Element:
    name = escape(titles.get(status.source) or status.source, longest=_LONGEST_TITLE)
    kind = kinds.get(status.source, "")
    summary = status.summary
    rows = [
        (said("retention.row_state"), said(f"retention.standing_{status.standing}")),
        (said("retention.row_oldest"), _oldest(said, summary.oldest)),
        (said("retention.row_left"), _left_of(said, status)),
        (
            said("retention.row_counts"),
            said("retention.left_unknown") if status.reason else
            said("retention.numbers", due=said.number(summary.expired_records),
                 overdue=said.number(summary.overdue_records)),
        ),
    ]  # fmt: skip
    if status.held:
        rows.append((said("retention.row_held"), said.number(status.held)))
    line = said("retention.source", title=name, kind=said(f"kinds.{kind}")) if kind else name
    items: list[Element] = [text(line, weight="Bolder"), facts(rows)]
    if may_purge:
        title = said("retention.button_preview", title=status.source)
        items.append(actions([button(title, Verb.PURGE_PREVIEW, _data(said, status.source))]))
    return container(items, style=_STYLES[status.standing], separator=True)


def _oldest(said: Said, oldest: Instant | None) -> str:
    return said("retention.left_unknown") if oldest == BEGINNING else said.day(oldest)


def _left_of(said: Said, status: SourceStatus) -> str:
    oldest = status.summary.oldest
    if oldest is None and not status.reason and not status.summary.units:
        return said("retention.left_none")
    if oldest is None or oldest == BEGINNING:
        return said("retention.left_unknown")
    return _left(said, oldest - status.marks.limit)


def _left(said: Said, left: int) -> str:
    if left > 0:
        return said("retention.left", days=said.days(left)) if left >= DAY else said("retention.left_today")
    return said("retention.left_passed", days=said.days(left)) if -left >= DAY else said("retention.left_just_passed")


# -- the weekly report ------------------------------------------------------------------------------------------------


def digest_card(
    said: Said, digest: Digest, witness: Witness, *, titles: Mapping[str, str], personal: bool = True
) -> Card:
    """Show a week: what needs a look, the figures, the age of each source's oldest record, purges, and the witness.

    In a channel (`personal` false) counts only: no source, no request and no button.
    """
    title = said("digest.title", week=digest.week.id)
    body: list[Element] = [
        heading(title),
        subtle(
            said("digest.period", begins=said.day(digest.week.begins), ends=said.day(digest.week.ends - 1)),
        ),
        _verdict_of_week(said, digest),
        facts(_figures(said, digest)),
        subtle(_what_in_time_means(said, digest)),
    ]
    if personal:
        body += _ages(said, digest, titles)
        body += _purges(said, digest.purges, titles)
    body += _witness(said, witness)
    if personal:
        body.append(
            actions(
                [
                    button(said("alert.button_overview"), Verb.RETENTION_SHOW, _data(said, "1")),
                    button(said("retention.button_alerts"), Verb.ALERT_LIST, _data(said, "1")),
                    button(said("retention.button_dead"), Verb.DELIVERY_REPORT, _data(said, "dead")),
                ]
            )
        )
    return card(said.texts, [*body, *standing_in_terms(said)], summary=title, banner=said.banner)


def _verdict_of_week(said: Said, digest: Digest) -> Element:
    reasons = [said(f"digest.busy_{word}", count=said.number(count)) for word, count in digest.needs.items()]
    if digest.looked_at is None:
        reasons.insert(0, said("digest.on_time_unlooked"))
    sentence = said("digest.busy", reasons=", ".join(reasons)) if reasons else said("digest.calm")
    return container([text(sentence, weight="Bolder")], style="warning" if reasons else "good")


def _what_in_time_means(said: Said, digest: Digest) -> str:
    if digest.looked_at is None:
        return said("digest.unlooked")
    return said("digest.on_time_means", when=said.when(digest.looked_at))


def _figures(said: Said, digest: Digest) -> list[tuple[str, str]]:
    number, alerts = said.number, digest.alerts
    timely = sum(line.in_time for line in digest.purges)
    rows = [
        ("digest.row_on_time", _share(said, digest.in_time, len(digest.sources)) if digest.looked_at is not None
         else said("digest.on_time_unlooked")),
        ("digest.row_oldest", said.day(digest.oldest)),
        ("digest.row_purges", number(len(digest.purges))),
        ("digest.row_certificates", said(
            "digest.certificates", count=number(digest.certificates), due=number(digest.due_certificates),
            provisional=number(sum(line.document == "provisional" for line in digest.purges)))),
        ("digest.row_alerts", said(
            "digest.alerts", open=number(alerts.get(AlertState.OPEN, 0)),
            acknowledged=number(alerts.get(AlertState.ACKNOWLEDGED, 0)),
            snoozed=number(alerts.get(AlertState.SNOOZED, 0)),
            fresh=number(digest.opened), settled=number(digest.settled))),
        ("digest.row_holds", said("digest.holds", active=number(digest.holds), review=number(digest.review))),
        ("digest.row_deliveries", said("digest.deliveries", dead=number(digest.dead), waiting=number(digest.waiting))),
    ]  # fmt: skip
    if digest.purges:
        rows.insert(3, ("digest.row_purges_on_time", _share(said, timely, len(digest.purges))))
    return [(said(key), value) for key, value in rows]


def _share(said: Said, count: int, total: int) -> str:
    if not total:
        return said("digest.on_time_none")
    # Rounded down: 199 of 200 must not read as all of them.
    share = said.share(count * 100 // total / 100)
    return said("digest.on_time", count=said.number(count), total=said.number(total), share=share)


def _ages(said: Said, digest: Digest, titles: Mapping[str, str]) -> list[Element]:
    """Show the age of each source's oldest record as bars where Teams draws them, as a table elsewhere, and as text."""
    lines = digest.sources[:_BARS]
    if not lines:
        return []
    names = {line.source: escape(titles.get(line.source) or line.source, longest=_LONGEST_TITLE) for line in lines}
    shown: list[Element] = []
    if any(line.age is not None for line in lines):
        shown.append(_chart(said, lines, titles))
    rows = [(names[line.source], _line(said, line)) for line in lines]
    shown += [text(said("digest.oldest_title"), weight="Bolder"), facts(rows)]
    if len(digest.sources) > _BARS:
        shown.append(subtle(said("digest.more_sources", count=said.number(len(digest.sources) - _BARS))))
    return shown


def _line(said: Said, line: SourceLine) -> str:
    standing = said(f"retention.standing_{line.standing}")
    if line.left is None:
        left = said("retention.left_none" if line.empty else "retention.left_unknown")
    else:
        left = _left(said, line.left)
    return said("digest.oldest_line", when=said.day(line.oldest), left=left, standing=standing)


def _chart(said: Said, lines: Sequence[SourceLine], titles: Mapping[str, str]) -> Element:
    """Draw bars; a client that does not know them shows the same numbers as a table (teams-and-botbuilder.md 2).

    Each bar says in words how its source stands, so no colour is needed. The texts inside a chart are no Markdown, and
    are shown as they are.
    """
    dated = [(line, line.age // DAY) for line in lines if line.age is not None]
    limit = said.number(max((line.max_age for line, _ in dated), default=LONGEST_AGE) // DAY)
    named = {
        line.source: said(
            "digest.bar",
            title=_plain(titles.get(line.source) or line.source),
            standing=said(f"retention.standing_{line.standing}"),
        )
        for line, _ in dated
    }
    table = [
        (escape(named[line.source], longest=2 * _LONGEST_TITLE),
         said("digest.kept", days=said.number(days), limit=said.number(line.max_age // DAY)))
        for line, days in dated
    ]  # fmt: skip
    title = said("digest.chart", limit=limit)
    return {
        "type": "Chart.HorizontalBar",
        "title": title,
        "displayMode": "AbsoluteWithAxis",
        "xAxisTitle": said("digest.chart_days"),
        "data": [{"x": named[line.source], "y": days} for line, days in dated],
        "fallback": container([text(title, weight="Bolder"), facts(table)]),
    }


def _plain(title: str) -> str:
    """Make a title from outside fit a label that is not read as Markdown: what can be seen, one line, cut."""
    line = " ".join("".join(char for char in title if char.isprintable()).split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"


def _purges(said: Said, purges: Sequence[PurgeLine], titles: Mapping[str, str]) -> list[Element]:
    if not purges:
        return []
    shown: list[Element] = [text(said("digest.purges_title"), weight="Bolder")]
    rows = []
    for line in purges[-_PURGES:]:
        words = said(
            "digest.purge",
            verdict=said(f"digest.verdict_{line.verdict.lower()}"),
            records=said.number(line.records),
            certificate=said(f"digest.certificate_{line.document}"),
        )
        late = "" if line.in_time else f" {said('digest.purge_late')}"
        rows.append((escape(titles.get(line.source) or line.source, longest=_LONGEST_TITLE), words + late))
    shown.append(facts(rows))
    if len(purges) > _PURGES:
        shown.append(subtle(said("digest.more_purges", count=said.number(len(purges) - _PURGES))))
    return shown


def _witness(said: Said, witness: Witness) -> list[Element]:
    head = " ".join(witness.head[start : start + 4] for start in range(0, len(witness.head), 4))
    words = said("digest.witness", seq=said.number(witness.seq), when=said.when(witness.at), head=head)
    return [text(said("digest.witness_title"), weight="Bolder"), text(words, spacing="None"),
            subtle(said("digest.witness_why"))]  # fmt: skip
