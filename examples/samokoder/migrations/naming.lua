-- How constraints and indexes are called that have no name of their own; for revisions (env.lua) and for models.
return {
  ix = "ix_%(table_name)s_%(column_0_N_name)s",
  uq = "uq_%(table_name)s_%(column_0_N_name)s",
  ck = "ck_%(table_name)s_%(constraint_name)s",
  fk = "fk_%(table_name)s_%(column_0_N_name)s",
  pk = "pk_%(table_name)s",
}
