"""What differs between Microsoft's clouds, told from the address of the OpenID document."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Who issues the connector's tokens, and the scope of the bot's own."""

    issuer: str
    resource: str

    @property
    def scope(self) -> str:
        """The OAuth scope of the bot's own token."""
        return f"{self.resource}/.default"


PUBLIC = Cloud(issuer="https://api.botframework.com", resource="https://api.botframework.com")
_NATIONAL = {
    "login.botframework.azure.us": Cloud(issuer="https://api.botframework.us", resource="https://api.botframework.us"),
    "login.botframework.azure.cn": Cloud(
        issuer="https://api.botframework.azure.cn",
        resource="https://api.botframework.azure.cn",
    ),
}


def cloud_of(openid_metadata_url: str) -> Cloud:
    """Tell the cloud; an address that is not a national cloud's belongs to the public one.

    The issuer is a constant of ours and never read from the document: whoever serves the document must not be able to
    choose who is believed.
    """
    return _NATIONAL.get(urlsplit(openid_metadata_url).hostname or "", PUBLIC)
