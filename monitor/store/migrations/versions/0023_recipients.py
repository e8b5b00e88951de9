"""Who has taken a message, who is in trouble, what was dropped by hand, and by which secrets a channel was last refused."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Mails under way are sent once more to all their recipients, as before; from then on it is known who has them."""
    op.create_table(
        "handovers",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('taken', 'waiting', 'refused', 'missed')", name=op.f("ck_handovers_state")),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_handovers_delivery_id_deliveries")),
        sa.PrimaryKeyConstraint("delivery_id", "recipient", name=op.f("pk_handovers")),
    )
    op.create_index("ix_handovers_recipient_state", "handovers", ["recipient", "state"])
    op.create_table(
        "recipients",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("is_refused", sa.Boolean(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "recipient", name=op.f("pk_recipients")),
    )
    op.add_column("channels", sa.Column("doubted_alert", sa.String(), nullable=False, server_default=""))
    op.add_column("channels", sa.Column("credentials", sa.String(), nullable=False, server_default=""))
    op.add_column("deliveries", sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deliveries", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True))
