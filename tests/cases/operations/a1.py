# The same operations as in a1.lua beside it, in Alembic's words; tests/spec/alembic_spec.lua compares what they make.
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

revision = "a1"
down_revision = None


def upgrade():
    op.create_table(
        "o",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("x", sa.Integer),
        sa.UniqueConstraint("x", name="ox"),
    )
    op.create_table(
        "t",
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("a", sa.String(30), server_default="x"),
        sa.Column("b", sa.Integer),
        sa.Column("c", sa.Text),
        sa.Column("r", pg.INT4RANGE),
        sa.Column("n", sa.Numeric(10, 2)),
        sa.Column("m", sa.Enum("ok", "it's bad", name="mood"), server_default="ok"),
        comment="tt",
    )
    op.alter_column(
        "t", "a", type_=sa.Text(), nullable=False, server_default="it's", comment="cc", new_column_name="aa"
    )
    op.alter_column("t", "b", server_default=sa.text("1+1"))
    op.alter_column("t", "c", type_=sa.Integer(), postgresql_using="c::integer")
    op.alter_column("t", "n", type_=sa.Numeric(12, 3))
    op.create_primary_key("tpk", "t", ["id"])
    op.create_unique_constraint("tu", "t", ["aa", "b"], deferrable=True, initially="DEFERRED")
    op.create_check_constraint("tc", "t", "b > 0")
    op.create_foreign_key(
        "tf", "t", "o", ["b"], ["x"], ondelete="SET NULL", onupdate="CASCADE", deferrable=True, initially="DEFERRED"
    )
    op.create_exclude_constraint("te", "t", ("r", "&&"), using="gist", where=sa.text("b > 1"))
    op.create_index(
        "i1",
        "t",
        ["aa"],
        unique=True,
        postgresql_where=sa.text("b > 0"),
        postgresql_include=["c"],
        postgresql_using="btree",
        postgresql_with={"fillfactor": 50},
        postgresql_ops={"aa": "text_pattern_ops"},
    )
    op.create_index("i2", "t", [sa.text("lower(aa)"), sa.text("b DESC NULLS LAST")])
    op.create_index(op.f("ix_t_c"), "t", ["c"])
    op.add_column("t", sa.Column("d", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    op.add_column("t", sa.Column("e", sa.Integer(), sa.Computed("b*2", persisted=True)))
    op.add_column("t", sa.Column("f", sa.Integer(), sa.ForeignKey("o.id", name="tff", ondelete="CASCADE")))
    op.drop_constraint("tc", "t", type_="check")
    op.drop_index("i2", table_name="t")
    op.drop_column("t", "d")
    op.create_table_comment("o", "who's")
    op.drop_table_comment("t")
    op.rename_table("o", "oo")
    with op.batch_alter_table("t") as b:
        b.add_column(sa.Column("g", sa.DateTime(timezone=True), server_default=sa.func.now()))
        b.create_unique_constraint("tg", ["g"])
        b.alter_column("g", nullable=False)
        b.drop_column("e")


def downgrade():
    pass
