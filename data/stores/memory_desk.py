"""The in-memory twin of the desk's stores."""

from data.stores.desk import alert_codec, delivery_codec, reference_codec, standing_codec, ticket_codec
from data.stores.memory_shelf import MemoryShelf


class MemoryDeskStores:
    """All of them together."""

    def __init__(self) -> None:
        self.alerts = MemoryShelf(alert_codec(), what="alert")
        self.deliveries = MemoryShelf(delivery_codec(), what="delivery")
        self.references = MemoryShelf(reference_codec(), what="reference")
        self.tickets = MemoryShelf(ticket_codec(), what="ticket")
        self.standing = MemoryShelf(standing_codec(), what="standing rule")

    def close(self) -> None:
        """Do nothing: what is in memory belongs to nobody else."""
