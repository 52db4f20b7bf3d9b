--- The same operations as in a1.py beside it, in Moonbird's words
revision = "a1"
down_revision = nil
function upgrade()
  op.create_table("o", {
    column("id", types.integer(), { identity = true, primary_key = true }),
    column("x", types.integer()),
    unique { "x", name = "ox" },
  })
  op.create_table("t", {
    column("id", types.bigint(), { nullable = false }),
    column("a", types.varchar(30), { server_default = "x" }),
    column("b", types.integer()),
    column("c", types.text()),
    column("r", types.raw "INT4RANGE"),
    column("n", types.numeric(10, 2)),
    column("m", types.enum("mood", { "ok", "it's bad" }), { server_default = "ok" }),
  }, { comment = "tt" })
  op.alter_column("t", "a", {
    type_ = types.text(), nullable = false, server_default = "it's", comment = "cc", new_column_name = "aa",
  })
  op.alter_column("t", "b", { server_default = sql "1+1" })
  op.alter_column("t", "c", { type_ = types.integer(), postgresql_using = "c::integer" })
  op.alter_column("t", "n", { type_ = types.numeric(12, 3) })
  op.create_primary_key("tpk", "t", { "id" })
  op.create_unique_constraint("tu", "t", { "aa", "b" }, { deferrable = true, initially = "DEFERRED" })
  op.create_check_constraint("tc", "t", "b > 0")
  op.create_foreign_key("tf", "t", "o", { "b" }, { "x" }, {
    ondelete = "SET NULL", onupdate = "CASCADE", deferrable = true, initially = "DEFERRED",
  })
  op.create_exclude_constraint("te", "t", { "r", "&&" }, { using = "gist", where = sql "b > 1" })
  op.create_index("i1", "t", { "aa" }, {
    unique = true,
    postgresql_where = sql "b > 0",
    postgresql_include = { "c" },
    postgresql_using = "btree",
    postgresql_with = { fillfactor = 50 },
    postgresql_ops = { aa = "text_pattern_ops" },
  })
  op.create_index("i2", "t", { sql "lower(aa)", sql "b DESC NULLS LAST" })
  op.create_index(op.f("ix_t_c"), "t", { "c" })
  op.add_column("t", column("d", types.boolean(), { nullable = false, server_default = sql "true" }))
  op.add_column("t", column("e", types.integer(), { computed = { "b*2", persisted = true } }))
  op.add_column("t", column("f", types.integer(), { references = { "o.id", name = "tff", ondelete = "CASCADE" } }))
  op.drop_constraint("tc", "t", { type_ = "check" })
  op.drop_index("i2", "t")
  op.drop_column("t", "d")
  op.create_table_comment("o", "who's")
  op.drop_table_comment("t")
  op.rename_table("o", "oo")
  op.batch_alter_table("t", function(b)
    b.add_column(column("g", types.timestamp { timezone = true }, { server_default = sql "now()" }))
    b.create_unique_constraint("tg", { "g" })
    b.alter_column("g", { nullable = false })
    b.drop_column("e")
  end)
end

function downgrade() end
