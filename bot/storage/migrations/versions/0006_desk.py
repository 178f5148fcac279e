"""the agents' desk: tags, macros, duty, transfers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "case_tag",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_case_tag_conversation_id")
        ),
        sa.PrimaryKeyConstraint("conversation_id", "tag", name=op.f("pk_case_tag")),
    )
    op.create_index(op.f("ix_case_tag_tag"), "case_tag", ["tag"])
    op.create_table(
        "macro",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_macro")),
        sa.UniqueConstraint("scope", "name", name=op.f("uq_macro_scope_name")),
    )
    op.create_table(
        "duty",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("on_duty", sa.Boolean(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("assigned_at", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_duty")),
    )
    with op.batch_alter_table("conversation", schema=None) as batch:
        batch.add_column(sa.Column("origin_team", sa.Text(), nullable=True))
    with op.batch_alter_table("thread", schema=None) as batch:
        batch.add_column(
            sa.Column("began_at_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
    where = sa.text("origin_team is not null")
    op.create_index(
        "ix_conversation_origin",
        "conversation",
        ["customer_id", "origin_team"],
        sqlite_where=where,
        postgresql_where=where,
    )
    trouble = sa.text("state in ('failed', 'uncertain')")
    op.create_index(
        "ix_message_trouble", "message", ["state_at"], sqlite_where=trouble, postgresql_where=trouble
    )
    op.create_index("ix_audit_agent", "audit", ["agent", "at"])
    op.create_index("ix_identity_address", "identity", ["address"])
    hidden = sa.text("blocked or spam or quarantine is not null or erased_at is not null")
    op.create_index("ix_customer_hidden", "customer", ["id"], sqlite_where=hidden, postgresql_where=hidden)
