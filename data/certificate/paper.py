"""Draws sections on sheets of A4; knows nothing of purges."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, VAlign, XPos, YPos
from fpdf.fonts import FontFace

from data.certificate.sheet import Attachment, Block, Colour, Cover, Rows, Section, Table, Text, printable

_INK: Final[Colour] = (28, 32, 38)
_SOFT: Final[Colour] = (92, 99, 110)
_LINE: Final[Colour] = (214, 218, 224)
_SHADE: Final[Colour] = (244, 246, 248)
_WHITE: Final[Colour] = (255, 255, 255)

WIDTH: Final = 170.0
"""Millimetres between the margins."""
TITLE: Final = 22.0
"""Points; every title fits on a line."""
_MARGIN: Final = 20.0
_LABEL: Final = 50.0
_BAND: Final = 38.0
_FOOT: Final = 16.0
_HEADING: Final = 10.0
_LONGEST_TOGETHER: Final = 90.0
"""Millimetres: a longer section may be broken over two pages."""
_LETTERS: Final = 80
"""Letters that surely fit on a line of values."""
_BODY: Final = 9.0
_MONO: Final = 8.0


def _height(block: Block) -> float:
    """Estimate the millimetres a block takes, rather too many."""
    if isinstance(block, Text):
        return 5.4 + 4.4 * (len(block.text) // 120)
    if isinstance(block, Table):
        return 5.4 * (1 + len(block.rows))
    return sum(5.1 + 4.2 * (len(row.value) // _LETTERS) for row in block.rows)


def draw(cover: Cover, sections: Iterable[Section], *, lang: str, at: datetime, attached: Attachment) -> bytes:
    """Draw a document; the same values give the same bytes, `at` is its date of making."""
    paper = _Paper(cover)
    paper.set_lang(lang)
    paper.set_title(printable(f"{cover.title} {cover.id}"))
    paper.set_creator(cover.product)
    paper.set_producer(cover.product)
    paper.set_creation_date(at)
    paper.add_page()
    paper.tiles()
    for section in sections:
        paper.section(section)
    paper.embed_file(
        bytes=attached.content,
        basename=attached.name,
        mime_type="application/json",
        creation_date=at,
        modification_date=at,
    )
    return bytes(paper.output())


class _Paper(FPDF):
    """Draws; heads and feet are the framework's own hooks."""

    def __init__(self, cover: Cover) -> None:
        super().__init__(format="A4")
        self._cover = cover
        self.core_fonts_encoding = "cp1252"
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=_FOOT + 3)
        self.set_text_color(*_INK)
        self.set_draw_color(*_LINE)
        self.set_line_width(0.2)

    def header(self) -> None:
        """Draw the band on the first page, a thin one on the others."""
        first = self.page_no() == 1
        self.set_fill_color(*self._cover.colour)
        self.rect(0, 0, self.w, _BAND if first else 4, style="F")
        if first:
            self._band()
        self.set_y(_BAND + 6 if first else 14)

    def footer(self) -> None:
        """Write the document's id and the number of the page."""
        self.set_y(-_FOOT)
        self.set_font("Helvetica", size=7.5)
        self.set_text_color(*_SOFT)
        self.line(_MARGIN, self.get_y(), _MARGIN + WIDTH, self.get_y())
        self.set_y(-_FOOT + 2)
        page = self._cover.page.replace("{page}", str(self.page_no())).replace("{pages}", "{nb}")
        self.cell(WIDTH / 2, 5, printable(self._cover.id))
        self.cell(WIDTH / 2, 5, printable(page), align="R")
        self.set_text_color(*_INK)

    def _band(self) -> None:
        cover = self._cover
        self.set_text_color(*_WHITE)
        self.set_xy(_MARGIN, 9)
        self.set_font("Helvetica", size=9)
        self.cell(WIDTH, 5, printable(cover.product))
        self.set_xy(_MARGIN, 15)
        self.set_font("Helvetica", "B", TITLE)
        self.cell(WIDTH, 11, printable(cover.title))
        self.set_xy(_MARGIN, 28)
        self.set_font("Helvetica", "B", 10)
        self.cell(WIDTH, 5, printable(cover.state))
        self.set_font("Courier", size=_MONO)
        self.set_xy(_MARGIN, 28)
        self.cell(WIDTH, 5, printable(cover.id), align="R")
        self.set_text_color(*_INK)

    def tiles(self) -> None:
        """Write the lead and the four figures below the band."""
        self.set_font("Helvetica", size=10)
        self._paragraph(self._cover.lead, height=5)
        self.ln(3)
        gap, top, height = 4.0, self.get_y(), 17.0
        width = (WIDTH - gap * (len(self._cover.tiles) - 1)) / len(self._cover.tiles)
        for place, (value, label) in enumerate(self._cover.tiles):
            left = _MARGIN + place * (width + gap)
            self.set_fill_color(*_SHADE)
            self.rect(left, top, width, height, style="F")
            self.set_xy(left + 3, top + 3)
            self.set_font("Helvetica", "B", 13)
            self.cell(width - 6, 6, printable(value))
            self.set_xy(left + 3, top + 10)
            self.set_font("Helvetica", size=7.5)
            self.set_text_color(*_SOFT)
            self.cell(width - 6, 4, printable(label))
            self.set_text_color(*_INK)
        self.set_y(top + height + 2)

    def section(self, section: Section) -> None:
        """Draw a heading and its blocks; all of it on one page, if it is not long."""
        needed = _HEADING + sum(_height(block) for block in section.blocks)
        if self.get_y() + min(needed, _LONGEST_TOGETHER) > self.page_break_trigger:
            self.add_page()
        self.ln(3.5)
        self.set_font("Helvetica", "B", 11)
        self.set_text_color(*self._cover.colour)
        self.start_section(printable(section.heading))
        self.cell(WIDTH, 6, printable(section.heading), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(*_INK)
        self.ln(1)
        for block in section.blocks:
            self._block(block)

    def _block(self, block: Block) -> None:
        if isinstance(block, Rows):
            self._rows(block)
        elif isinstance(block, Table):
            self._table(block)
        else:
            self._text(block)

    def _text(self, text: Text) -> None:
        self.ln(1)
        if text.mono:
            self.set_font("Courier", size=_MONO + 0.5)
            self.set_fill_color(*_SHADE)
            self.multi_cell(
                WIDTH,
                6,
                printable(text.text),
                fill=True,
                align="L",
                padding=1,
                new_x=XPos.LMARGIN,
                new_y=YPos.NEXT,
            )
            return
        self.set_font("Helvetica", size=_BODY)
        self._paragraph(f"•  {text.text}" if text.bullet else text.text, height=4.4)

    def _paragraph(self, text: str, *, height: float) -> None:
        self.multi_cell(WIDTH, height, printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _rows(self, rows: Rows) -> None:
        self.set_font("Helvetica", size=_BODY)
        soft, mono = FontFace(color=_SOFT), FontFace(family="Courier", size_pt=_MONO)
        self.set_fill_color(*_WHITE)
        with self.table(
            col_widths=(_LABEL, WIDTH - _LABEL),
            width=WIDTH,
            text_align=("LEFT", "LEFT"),
            borders_layout=TableBordersLayout.NONE,
            first_row_as_headings=False,
            v_align=VAlign.T,
            line_height=4.2,
            padding=(0.45, 1, 0.45, 0),
        ) as table:
            for row in rows.rows:
                line = table.row()
                line.cell(printable(row.label), style=soft)
                line.cell(printable(row.value), style=mono if row.mono else None)

    def _table(self, block: Table) -> None:
        self.set_font("Helvetica", size=_BODY)
        self.set_fill_color(*_WHITE)
        figures = set(block.figures)
        with self.table(
            col_widths=block.widths,
            width=WIDTH,
            text_align=tuple("RIGHT" if place in figures else "LEFT" for place in range(len(block.head))),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            v_align=VAlign.T,
            headings_style=FontFace(emphasis="BOLD", color=_SOFT, size_pt=8),
            line_height=4.2,
            padding=(0.6, 1.5, 0.6, 0),
        ) as table:
            for cells in (block.head, *block.rows):
                line = table.row()
                for cell in cells:
                    line.cell(printable(cell))
