"""The stores of the desk in PostgreSQL."""

from data.stores.desk import alert_codec, delivery_codec, reference_codec, standing_codec, ticket_codec
from data.stores.postgres.database import Database
from data.stores.postgres.shelf import PostgresShelf
from data.stores.postgres.statements import load_statements


class PostgresDeskStores:
    """All of them, over one database, which whoever opened it closes."""

    def __init__(self, database: Database) -> None:
        texts = load_statements()
        self.alerts = PostgresShelf(database, texts, "alerts", alert_codec(), what="alert")
        self.deliveries = PostgresShelf(database, texts, "deliveries", delivery_codec(), what="delivery")
        self.references = PostgresShelf(database, texts, "conversations", reference_codec(), what="reference")
        self.tickets = PostgresShelf(database, texts, "tickets", ticket_codec(), what="ticket")
        self.standing = PostgresShelf(database, texts, "standing_rules", standing_codec(), what="standing rule")

    def close(self) -> None:
        """Do nothing: the database is not ours to close."""
