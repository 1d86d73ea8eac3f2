"""A document as a PDF for people, in German or English; what counts is the signed JSON, which is attached."""

from typing import Final

from data.certificate.figures import Figures, Say
from data.certificate.pages import Pages, late_in, left_over
from data.certificate.sheet import AMBER, GREEN, RED, Attachment, Cover
from data.certificate.signing import SignedDocument
from data.labels import Lang
from data.retention.instants import datetime_of, read_iso

_COLOURS: Final = {"PASS": GREEN, "PENDING": AMBER, "FAIL": RED, "UNKNOWN": RED}


def render_pdf(document: SignedDocument, say: Say, *, lang: Lang) -> bytes:
    """Render a certificate or report as A4 pages; `say` gives the sentences of this language.

    The same document and sentences give the same bytes: the date of making is the end of the purge. Raises
    `KeyError` for a missing sentence.
    """
    from data.certificate.paper import draw  # a third of a second that nobody waits for who asks a question

    figures = Figures(lang)
    return draw(
        _cover(document, say, figures),
        Pages(document, say, figures).sections(),
        lang=lang.value,
        at=datetime_of(read_iso(document.body["purge"]["ended"])),
        attached=Attachment(name=f"{document.id}.json", content=document.content),
    )


def _cover(document: SignedDocument, say: Say, figures: Figures) -> Cover:
    verdict = document.body["verdict"]
    is_report = document.kind == "report"
    purge = document.body["purge"]
    return Cover(
        product=say("certificate.product"),
        title=say("report.title" if is_report else "certificate.title"),
        state=say(f"report.state_{verdict.lower()}" if is_report else f"certificate.state_{verdict.lower()}"),
        id=document.id,
        lead=_lead(document, say, figures),
        colour=_COLOURS[verdict],
        tiles=(
            (figures.number(purge["deleted"]["records"]), say("certificate.tile_records")),
            (figures.size(purge["deleted"]["bytes"]), say("certificate.tile_size")),
            (figures.number(purge["deleted"]["units"]), say("certificate.tile_units")),
            (figures.number(sum(left_over(purge).values())), say("certificate.tile_residue")),
        ),
        page=say("certificate.page"),
    )


def _lead(document: SignedDocument, say: Say, figures: Figures) -> str:
    verdict, purge = document.body["verdict"], document.body["purge"]
    if document.kind == "report":
        return say("report.lead_fail" if verdict == "FAIL" else "report.lead_unknown")
    some_left = left_over(purge) or late_in(purge)
    lead = say("certificate.lead_residue" if some_left else "certificate.lead_clean")
    if verdict == "PENDING":
        lead += " " + say("certificate.lead_pending", date=figures.day(purge["next_level_at"]))
    return lead
