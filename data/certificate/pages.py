"""What stands in a document for people: from its signed body to sections, in the sentences of one language."""

from collections.abc import Iterator, Mapping
from typing import Any

from data.certificate.figures import Figures, Say
from data.certificate.sheet import Block, Row, Rows, Section, Table, Text
from data.certificate.signing import CERTIFICATE_DOMAIN, SignedDocument
from data.retention.evidence import Evidence
from data.retention.residue import Code

Body = Mapping[str, Any]


def left_over(purge: Body) -> dict[str, int]:
    """Count the units that stay though something in them was old, by code, whether they were selected or not."""
    counts = {code.value: purge["residue"].get(code, 0) + purge["set_aside"].get(code, 0) for code in Code}
    return {code: count for code, count in counts.items() if count}


def late_in(purge: Body) -> int:
    """Count the old records that turned up only after the preview."""
    return int(purge["checked"]["found"]["late"]) if purge["checked"] else 0


class Pages:
    """Writes one document in one language."""

    def __init__(self, document: SignedDocument, say: Say, figures: Figures) -> None:
        self._document = document
        self._body: Body = document.body
        self._purge: Body = document.body["purge"]
        self._checked: Body | None = self._purge["checked"]
        self._say = say
        self._figures = figures

    def sections(self) -> Iterator[Section]:
        """Give every section, in the order of reading."""
        if self._document.kind == "report":
            yield self._doubts()
        yield self._what()
        yield self._amount()
        yield self._residue()
        yield self._how_checked()
        yield self._rule()
        yield self._level()
        yield self._people()
        yield self._chain()
        yield self._signature()

    # -- the sections -------------------------------------------------------------------------------------------------

    def _doubts(self) -> Section:
        doubts = self._body["doubts"]
        blocks = tuple(Text(text=self._say(f"report.doubt_{doubt}"), bullet=True) for doubt in doubts)
        return Section(heading=self._say("report.doubts"), blocks=blocks)

    def _what(self) -> Section:
        purge, say = self._purge, self._say
        rows = [
            self._row(
                "certificate.issuer_processor" if purge["role"] == "processor" else "certificate.issuer",
                purge["issuer"] or say("certificate.unknown"),
            ),
            self._row("certificate.instruction", purge["instruction"]),
            self._row("certificate.tenant", purge["tenant"], mono=True),
            self._row("certificate.data_kind", say(f"certificate.data_kind_{purge['rule']['data_kind']}")),
        ]
        for source in purge["sources"]:
            rows += self._source(source)
        methods = "; ".join(say(f"certificate.method_{method}") for method in purge["methods"])
        rows += [
            self._row("certificate.method", methods),
            self._row("certificate.reason", say(f"certificate.reason_{purge['reason']}")),
            self._row("certificate.period", self._span(purge["started"], purge["ended"])),
        ]
        return Section(heading=say("certificate.what"), blocks=(_rows(rows),))

    def _source(self, source: Body) -> list[Row | None]:
        say = self._say
        value = say(
            "certificate.source_value",
            id=source["id"],
            unit_kind=say(f"certificate.unit_kind_{source['unit_kind']}"),
            connector=source["connector"],
            version=source["connector_version"],
        )
        milliseconds = self._figures.number(source["clock_offset_us"] // 1000)
        return [
            self._row("certificate.source", value),
            self._row("certificate.engine", f"{source['engine']} {source['engine_version']}".strip()),
            self._row("certificate.clock", say("certificate.clock_value", milliseconds=milliseconds)),
        ]

    def _amount(self) -> Section:
        purge, say, number = self._purge, self._say, self._figures.number
        parts = (
            (say("certificate.selected"), purge["selected"]),
            (say("certificate.deleted"), purge["deleted"]),
            (say("certificate.rewritten"), {"units": purge["rewritten_units"]}),
            (say("certificate.kept"), purge["kept"]),
        )
        table = Table(
            head=("", say("certificate.units"), say("certificate.records"), say("certificate.size")),
            rows=tuple(
                (label, *(number(part[what]) if what in part else "" for what in ("units", "records", "bytes")))
                for label, part in parts
            ),
            widths=(78, 24, 32, 36),
            figures=(1, 2, 3),
        )
        rows = [
            self._row("certificate.deleted_span", self._span(purge["oldest_deleted"], purge["youngest_deleted"])),
            self._row("certificate.oldest_remaining", self._figures.instant(purge["oldest_remaining"])),
            self._row("certificate.evidence", self._evidence()),
        ]
        return Section(heading=say("certificate.amount"), blocks=(table, _rows(rows)))

    def _evidence(self) -> str:
        counts = self._purge["evidence"]
        known = [(self._say(f"certificate.evidence_{kind}"), counts[kind]) for kind in Evidence if kind in counts]
        return " · ".join(f"{label}: {self._figures.number(count)}" for label, count in known)

    def _residue(self) -> Section:
        purge, say, number = self._purge, self._say, self._figures.number
        stays, late, undatable = left_over(purge), late_in(purge), purge["undatable"]
        rows = [
            self._row("certificate.late", say("certificate.late_value", count=number(late)) if late else ""),
            self._row(
                "certificate.undatable",
                say("certificate.undatable_value", count=number(undatable)) if undatable else "",
            ),
            self._row("certificate.holds", ", ".join(purge["holds"]) or say("certificate.none")),
            self._row("certificate.copies", "; ".join(map(self._copy, purge["copies"])) or say("certificate.none")),
        ]
        blocks: tuple[Block, ...] = (_rows(rows),)
        if stays:
            table = Table(
                head=(say("certificate.residue_why"), say("certificate.units"), say("certificate.residue_next")),
                rows=tuple(
                    (say(f"certificate.residue_{code}"), number(count), say(f"certificate.next_{code}"))
                    for code, count in stays.items()
                ),
                widths=(66, 18, 86),
                figures=(1,),
            )
            blocks = (table, *blocks)
        elif not late:
            blocks = (Text(text=say("certificate.residue_none")), *blocks)
        return Section(heading=say("certificate.residue"), blocks=blocks)

    def _copy(self, copy: Body) -> str:
        if copy["expires"] is None:
            return self._say("certificate.copy_unknown", kind=copy["kind"])
        return self._say("certificate.copy_until", kind=copy["kind"], date=self._figures.day(copy["expires"]))

    def _how_checked(self) -> Section:
        say, checked = self._say, self._checked
        verdict = say(f"certificate.result_{self._body['verdict'].lower()}")
        if checked is None:
            rows = _rows([self._row("certificate.result", verdict)])
            return Section(heading=say("certificate.checked"), blocks=(Text(text=say("certificate.checked_not")), rows))
        extent = "certificate.extent_full" if checked["full"] else "certificate.extent_sample"
        rows = _rows(
            [
                self._row("certificate.look", say(f"certificate.look_{checked['look']}")),
                self._row("certificate.extent", say(extent, count=self._figures.number(checked["sample"]))),
                self._row("certificate.checked_at", self._figures.instant(checked["at"])),
                *self._directions(checked),
                self._row("certificate.result", verdict),
            ],
        )
        return Section(heading=say("certificate.checked"), blocks=(rows,))

    def _directions(self, checked: Body) -> list[Row | None]:
        say, number, found = self._say, self._figures.number, checked["found"]
        old = say(
            "certificate.old_value",
            still_there=number(found["still_there"]),
            old_left=number(found["old_left"]),
        )
        young = say(
            "certificate.young_value",
            controls=number(found["controls"]),
            lost=number(found["controls_lost"]),
            wrong=number(found["wrongly_rewritten"]),
        )
        control = "certificate.control_seen" if checked["control_seen"] else "certificate.control_unseen"
        if not checked["control_seen"] and not self._purge["kept"]["units"]:
            control = "certificate.control_needless"
        return [
            self._row("certificate.direction_old", old),
            self._row("certificate.direction_young", young),
            self._row("certificate.direction_control", say(control)),
        ]

    def _rule(self) -> Section:
        say, rule, figures = self._say, self._purge["rule"], self._figures
        period, margin = figures.period(rule["max_age_seconds"], say), figures.period(rule["margin_seconds"], say)
        cutoff = figures.instant(self._purge["cutoff"])
        if self._document.kind == "certificate":  # a report may be about the very opposite
            cutoff = say("certificate.cutoff_value", instant=cutoff)
        clause = say("certificate.clause_value", clause=rule["clause"], version=rule["terms"] or "–")
        starts = "certificate.starts_capture"
        rows = [
            self._row(
                "certificate.rule_id", say("certificate.rule_value", id=rule["id"], version=str(rule["version"]))
            ),
            self._row("certificate.clause", clause),
            self._row("certificate.loeschklasse", rule["loeschklasse"]),
            self._row("certificate.max_age", say("certificate.max_age_value", period=period, margin=margin)),
            self._row("certificate.starts", say(starts)),
            self._row("certificate.cutoff", cutoff),
        ]
        return Section(heading=say("certificate.rule"), blocks=(_rows(rows), Text(text=say("command.limit"))))

    def _level(self) -> Section:
        say, purge = self._say, self._purge
        label = "certificate.level_reported" if self._document.kind == "report" else "certificate.level_reached"
        rows = [self._row(label, say(f"certificate.level_{purge['level'].lower()}"))]
        if purge["next_level_at"] is not None:
            date = self._figures.instant(purge["next_level_at"])
            rows.append(self._row("certificate.level_next", say("certificate.level_next_value", date=date)))
        claims = ("certificate.not_claimed_media", "certificate.not_claimed_copies", "certificate.not_claimed_seen")
        blocks: list[Block] = [_rows(rows), Text(text=f"{say('certificate.not_claimed')}:")]
        blocks += [Text(text=say(claim), bullet=True) for claim in claims]
        return Section(heading=say("certificate.level"), blocks=tuple(blocks))

    def _people(self) -> Section:
        say = self._say
        rows = tuple(
            Row(label=say(f"certificate.part_{person['part']}"), value=self._person(person))
            for person in self._purge["people"]
        )
        note = Text(text=say("certificate.people_note"))
        return Section(heading=say("certificate.people"), blocks=(Rows(rows=rows), note))

    def _person(self, person: Body) -> str:
        office, pseudonym = person["office"], person["pseudonym"]
        name = self._say(f"certificate.office_{office}")
        return f"{name} · {pseudonym}" if pseudonym else name

    def _chain(self) -> Section:
        say, purge, number = self._say, self._purge, self._figures.number
        audit = purge["audit"]
        entries = say("certificate.audit_range_value", first=number(audit["first"]), last=number(audit["last"]))
        previous = self._body["previous"]
        rows = [
            self._row("certificate.issued", self._figures.instant(self._body["issued"])),
            self._row("certificate.request", purge["request"], mono=True),
            self._row("certificate.scope", purge["scope_digest"], mono=True),
            self._row("certificate.manifest", purge["manifest_root"], mono=True),
            self._row("certificate.rule_digest", purge["rule"]["digest"], mono=True),
            self._row("certificate.audit_range", entries),
            self._row("certificate.audit_head", audit["head"], mono=True),
            self._row("certificate.previous", previous or say("certificate.previous_none"), mono=bool(previous)),
            self._row("certificate.anchors", ", ".join(purge["anchors"])),
            self._row("certificate.operations", ", ".join(purge["operations"]), mono=True),
            self._row("certificate.version", purge["product"]),
        ]
        return Section(heading=say("certificate.chain"), blocks=(_rows(rows),))

    def _signature(self) -> Section:
        say, signature, name = self._say, self._document.signature, self._document.id
        domain = CERTIFICATE_DOMAIN.decode("ascii").strip()
        rows = [
            self._row("certificate.algorithm", signature["algorithm"]),
            self._row("certificate.key", signature["key"], mono=True),
            self._row("certificate.value", signature["value"], mono=True),
        ]
        blocks = (
            _rows(rows),
            Text(text=say("certificate.check_file", file=f"{name}.json")),
            Text(text=say("certificate.check_recipe", domain=domain)),
            Text(text=say("certificate.check_pdf", file=f"{name}.sig.json")),
            Text(text=say("certificate.check_command")),
            Text(text="python app.py audit verify", mono=True),
        )
        return Section(heading=say("certificate.signature"), blocks=blocks)

    # -- small things -------------------------------------------------------------------------------------------------

    def _row(self, key: str, value: str, *, mono: bool = False) -> Row | None:
        """Give a row, or None where there is nothing to say."""
        return Row(label=self._say(key), value=value, mono=mono) if value else None

    def _span(self, begins: str | None, ends: str | None) -> str:
        if begins is None and ends is None:
            return "–"
        begin, end = self._figures.instant(begins), self._figures.instant(ends)
        return self._say("certificate.from_to", begins=begin, ends=end)


def _rows(rows: list[Row | None]) -> Rows:
    return Rows(rows=tuple(row for row in rows if row is not None))
