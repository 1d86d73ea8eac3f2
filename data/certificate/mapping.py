"""Which field of a document answers which field of the standards; data, so that an auditor need not guess."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NIST_SP_800_88: Final[Mapping[str, str]] = MappingProxyType(
    {
        "media": "purge.sources",
        "serial_number": "purge.manifest_root",
        "categorisation": "purge.rule.data_kind",
        "method": "purge.methods",
        "tool_and_version": "purge.sources.connector_version",
        "verification_method": "purge.checked.look",
        "post_sanitisation_destination": "purge.level",
        "sanitised_by": "purge.people[part=executor]",
        "verified_by": "purge.people[part=verifier]",
        "title": "purge.people.office",
        "date": "purge.ended",
        "place": "purge.sources.id",
        "signature": "signature",
        "manufacturer": "",
        "model": "",
        "property_number": "",
        "phone": "",
    },
)
"""Certificate of sanitisation, appendix G of revision 1; "" where we record nothing: no medium is sanitised."""

DIN_EN_ISO_IEC_27555: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Datenart": "purge.rule.data_kind",
        "Löschklasse": "purge.rule.loeschklasse",
        "Startzeitpunkt": "purge.rule.starts",
        "Regellöschfrist": "purge.rule.max_age_seconds",
        "Löschregel": "purge.rule.id",
        "Umsetzungsvorgabe": "purge.rule.digest",
        "Aussetzung": "purge.holds",
        "Löschprotokoll": "purge.audit",
        "Verantwortlichkeit": "purge.people",
        "Sicherungskopien": "purge.copies",
    },
)
"""DIN EN ISO/IEC 27555:2025-09, which took the place of DIN 66398:2016-05."""


def mapping() -> dict[str, dict[str, str]]:
    """Give both tables as they stand in a document: field of the standard to field of the document."""
    return {
        "nist_sp_800_88": dict(NIST_SP_800_88),
        "din_en_iso_iec_27555_2025_09": dict(DIN_EN_ISO_IEC_27555),
    }
