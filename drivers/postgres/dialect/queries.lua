-- The queries by which schema.lua reads the catalog: one for each kind of object, whatever the number of tables. Each
-- takes the schemas and, where it is about tables, the names of tables (NULL for all) as text arrays. `schema` is NULL
-- in the rows for the schema in which names without one are found.

local queries = {}

queries.place = [[
SELECT current_schema() AS default_schema,
  array_to_json(array_agg(nspname ORDER BY nspname))::text AS all_schemas
FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema']]

-- Objects that belong to an extension are the extension's business.
local function not_of_extension(oid, class)
  local text = "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS e "
    .. "WHERE e.objid = %s AND e.classid = '%s'::regclass AND e.deptype = 'e')"
  return text:format(oid, class)
end

local SCHEMA = "nullif(n.nspname, current_schema()) AS schema"

local function comment(oid, class, sub)
  local text = "(SELECT description FROM pg_catalog.pg_description "
    .. "WHERE objoid = %s AND classoid = 'pg_catalog.%s'::regclass AND objsubid = %s)"
  return text:format(oid, class, sub or "0")
end

-- Ordinary and partitioned tables; the partitions belong to their table.
local TABLE_SET = [[
tables AS (
  SELECT c.oid, c.relname, c.relnamespace, ]] .. SCHEMA .. [[, c.relkind, c.relpersistence, c.reloptions,
    c.reltablespace
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN (%s) AND NOT c.relispartition
    AND n.nspname = ANY (CAST(? AS text[]))
    AND c.relname = ANY (coalesce(CAST(? AS text[]), ARRAY[c.relname::text]))
    AND ]] .. not_of_extension("c.oid", "pg_class") .. "\n)"

local TABLES = "WITH " .. TABLE_SET:format("'r', 'p'")
-- materialized views have indexes too
local RELATIONS = "WITH " .. TABLE_SET:format("'r', 'p', 'm'")

queries.tables = TABLES .. [[

SELECT t.schema, t.relname AS name, ]] .. comment("t.oid", "pg_class") .. [[ AS comment,
  t.relpersistence AS persistence,
  CASE WHEN t.relkind = 'p' THEN pg_get_partkeydef(t.oid) END AS partition_by,
  array_to_json(t.reloptions)::text AS storage,
  (SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = t.reltablespace) AS tablespace,
  (SELECT json_agg(concat_ws('.', nullif(n.nspname, current_schema()), p.relname) ORDER BY i.inhseqno)::text
   FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
   JOIN pg_catalog.pg_namespace AS n ON n.oid = p.relnamespace
   WHERE i.inhrelid = t.oid) AS parents
FROM tables AS t
ORDER BY t.schema NULLS FIRST, t.relname]]

-- serial: the sequence that belongs to the column and fills it.
queries.columns = TABLES .. [[

SELECT t.schema, t.relname AS table_name, a.attname AS name,
  format_type(a.atttypid, a.atttypmod) AS type,
  a.attndims AS dimensions,
  e.typname AS enum_name, nullif(en.nspname, current_schema()) AS enum_schema,
  a.attnotnull AS required,
  pg_get_expr(d.adbin, d.adrelid) AS default_text,
  a.attgenerated AS generated,
  a.attidentity AS identity,
  CASE WHEN a.attcollation <> ty.typcollation THEN co.collname END AS collation,
  ]] .. comment("a.attrelid", "pg_class", "a.attnum") .. [[ AS comment,
  s.name AS sequence_name, s.schema AS sequence_schema,
  s.start, s.increment, s.minvalue, s.maxvalue, s.cycle, s.cache
FROM tables AS t
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS ty ON ty.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type AS e
  ON e.typtype = 'e' AND e.oid = CASE WHEN ty.typcategory = 'A' THEN ty.typelem ELSE ty.oid END
LEFT JOIN pg_catalog.pg_namespace AS en ON en.oid = e.typnamespace
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation
LEFT JOIN (
  SELECT dep.refobjid, dep.refobjsubid, dep.deptype, c.relname AS name, nullif(n.nspname, current_schema()) AS schema,
    q.seqstart AS start, q.seqincrement AS increment, q.seqmin AS minvalue, q.seqmax AS maxvalue, q.seqcycle AS cycle,
    q.seqcache AS cache, dep.objid
  FROM pg_catalog.pg_depend AS dep
  JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = dep.objid
  JOIN pg_catalog.pg_class AS c ON c.oid = dep.objid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE dep.classid = 'pg_class'::regclass AND dep.refclassid = 'pg_class'::regclass AND dep.deptype IN ('a', 'i')
) AS s ON s.refobjid = a.attrelid AND s.refobjsubid = a.attnum AND (
  s.deptype = 'i' OR EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend AS u
    WHERE u.classid = 'pg_attrdef'::regclass AND u.objid = d.oid AND u.refobjid = s.objid
  ))
WHERE a.attislocal OR a.attinhcount = 0
ORDER BY t.schema NULLS FIRST, t.relname, a.attnum]]

local function names_of(relation, keys)
  return ([[
  (SELECT array_to_json(array_agg(k.attname ORDER BY o.position))::text
   FROM unnest(%s) WITH ORDINALITY AS o (attnum, position)
   JOIN pg_catalog.pg_attribute AS k ON k.attrelid = %s AND k.attnum = o.attnum)]]):format(keys, relation)
end

queries.constraints = TABLES .. [[

SELECT t.schema, t.relname AS table_name, c.conname AS name, c.contype AS type,
  ]] .. comment("c.oid", "pg_constraint") .. [[ AS comment,
]] .. names_of("c.conrelid", "c.conkey") .. [[ AS columns,
  nullif(fn.nspname, current_schema()) AS referent_schema, f.relname AS referent_table,
]] .. names_of("c.confrelid", "c.confkey") .. [[ AS referent_columns,
  c.confupdtype AS onupdate, c.confdeltype AS ondelete, c.confmatchtype AS match,
  c.condeferrable AS deferrable, c.condeferred AS deferred, c.convalidated AS validated, c.connoinherit AS no_inherit,
  pg_get_expr(c.conbin, c.conrelid) AS condition,
]] .. names_of("i.indrelid", "i.indkey[i.indnkeyatts:i.indnatts - 1]") .. [[ AS include,
  CASE WHEN c.contype IN ('u', 'f', 'x') THEN pg_get_constraintdef(c.oid) END AS definition,
  (SELECT amname FROM pg_catalog.pg_am WHERE oid = ic.relam) AS method
FROM tables AS t
JOIN pg_catalog.pg_constraint AS c ON c.conrelid = t.oid AND c.contype IN ('p', 'u', 'f', 'c', 'x') AND c.conislocal
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x')
LEFT JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
LEFT JOIN pg_catalog.pg_class AS f ON f.oid = c.confrelid
LEFT JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
ORDER BY t.schema NULLS FIRST, t.relname, c.conname]]

-- One row for each element of an index.
queries.indexes = RELATIONS .. [[

SELECT t.schema, t.relname AS table_name, x.relname AS name, i.indisunique AS is_unique, i.indisvalid AS is_valid,
  am.amname AS method, ]] .. comment("x.oid", "pg_class") .. [[ AS comment,
  pg_get_expr(i.indpred, i.indrelid, true) AS condition,
  array_to_json(x.reloptions)::text AS storage,
  (SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = x.reltablespace) AS tablespace,
  CASE WHEN i.indisunique THEN pg_get_indexdef(i.indexrelid) END AS definition,
  k.position > i.indnkeyatts AS is_included,
  a.attname AS column_name,
  CASE WHEN k.attnum = 0 THEN pg_get_indexdef(i.indexrelid, k.position::int, true) END AS expression,
  i.indoption[k.position - 1] AS flags,
  CASE WHEN NOT oc.opcdefault THEN oc.opcname END AS opclass,
  CASE WHEN co.oid <> coalesce(a.attcollation, 0) AND NOT (a.attnum IS NULL AND co.collname = 'default')
    THEN co.collname END AS collation
FROM tables AS t
JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am AS am ON am.oid = x.relam
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
LEFT JOIN pg_catalog.pg_opclass AS oc ON k.position <= i.indnkeyatts AND oc.oid = i.indclass[k.position - 1]
LEFT JOIN pg_catalog.pg_collation AS co ON k.position <= i.indnkeyatts AND co.oid = i.indcollation[k.position - 1]
WHERE NOT EXISTS (
  SELECT 1 FROM pg_catalog.pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')
)
ORDER BY t.schema NULLS FIRST, t.relname, x.relname, k.position]]

-- The schemas come twice.
local ENUMS = [[
SELECT ]] .. SCHEMA .. [[, t.typname AS name, ]] .. comment("t.oid", "pg_type") .. [[ AS comment,
  (SELECT array_to_json(array_agg(enumlabel ORDER BY enumsortorder))::text
   FROM pg_catalog.pg_enum WHERE enumtypid = t.oid) AS labels,
  EXISTS (
    SELECT 1
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
    JOIN pg_catalog.pg_namespace AS o ON o.oid = c.relnamespace
    WHERE a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped AND o.nspname <> ALL (CAST(? AS text[]))
  ) AS is_used_elsewhere
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.typtype = 'e' AND n.nspname = ANY (CAST(? AS text[]))%s
ORDER BY schema NULLS FIRST, name]]

queries.enums = ENUMS:format(" AND " .. not_of_extension("t.oid", "pg_type"))
queries.all_enums = ENUMS:format("")

-- Not those of identity columns. fills_owner: the column that owns it takes its values from it.
queries.sequences = [[
SELECT ]] .. SCHEMA .. [[, c.relname AS name, format_type(q.seqtypid, NULL) AS type,
  ]] .. comment("c.oid", "pg_class") .. [[ AS comment,
  q.seqstart AS start, q.seqincrement AS increment, q.seqmin AS minvalue, q.seqmax AS maxvalue, q.seqcycle AS cycle,
  q.seqcache AS cache,
  o.relname AS owner_table, nullif(o_n.nspname, current_schema()) AS owner_schema, oa.attname AS owner_column,
  EXISTS (
    SELECT 1
    FROM pg_catalog.pg_attrdef AS ad
    JOIN pg_catalog.pg_depend AS u ON u.classid = 'pg_attrdef'::regclass AND u.objid = ad.oid AND u.refobjid = c.oid
    WHERE ad.adrelid = d.refobjid AND ad.adnum = d.refobjsubid
  ) AS fills_owner
FROM pg_catalog.pg_sequence AS q
JOIN pg_catalog.pg_class AS c ON c.oid = q.seqrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend AS d
  ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.deptype IN ('a', 'i')
LEFT JOIN pg_catalog.pg_class AS o ON o.oid = d.refobjid
LEFT JOIN pg_catalog.pg_namespace AS o_n ON o_n.oid = o.relnamespace
LEFT JOIN pg_catalog.pg_attribute AS oa ON oa.attrelid = d.refobjid AND oa.attnum = d.refobjsubid
WHERE n.nspname = ANY (CAST(? AS text[])) AND c.relpersistence <> 't'
  AND coalesce(d.deptype, 'n') <> 'i'
  AND ]] .. not_of_extension("c.oid", "pg_class") .. [[

ORDER BY schema NULLS FIRST, name]]

-- `uses`: the tables and columns that the view reads.
queries.views = [[
SELECT ]] .. SCHEMA .. [[, c.relname AS name, c.relkind = 'm' AS materialized,
  pg_get_viewdef(c.oid, true) AS definition, ]] .. comment("c.oid", "pg_class") .. [[ AS comment,
  (SELECT json_agg(DISTINCT jsonb_build_array(nullif(rn.nspname, current_schema()), r.relname, a.attname))::text
   FROM pg_catalog.pg_rewrite AS w
   JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
     AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
   JOIN pg_catalog.pg_class AS r ON r.oid = d.refobjid
   JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
   LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
   WHERE w.ev_class = c.oid) AS uses
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname = ANY (CAST(? AS text[])) AND c.relpersistence <> 't'
  AND ]] .. not_of_extension("c.oid", "pg_class") .. [[

ORDER BY schema NULLS FIRST, name]]

-- What is beside all that: kind and name, those of extensions passed over.
queries.left_out = [[
SELECT what.kind, what.name
FROM (
  SELECT 1 AS place, 'extension' AS kind, extname::text AS name, 'pg_extension'::regclass AS class, oid,
    extnamespace AS namespace
  FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'
  UNION ALL
  SELECT 2, CASE typtype WHEN 'd' THEN 'domain' ELSE 'type' END, format_type(t.oid, NULL), 'pg_type'::regclass, t.oid,
    typnamespace
  FROM pg_catalog.pg_type AS t LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
  WHERE typtype IN ('d', 'r') OR c.relkind = 'c'
  UNION ALL
  SELECT 3, CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    oid::regprocedure::text, 'pg_proc'::regclass, oid, pronamespace
  FROM pg_catalog.pg_proc AS p
  WHERE NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i'
  )
  UNION ALL
  SELECT 4, CASE relkind WHEN 'f' THEN 'foreign table' ELSE 'partition' END, oid::regclass::text,
    'pg_class'::regclass, oid, relnamespace
  FROM pg_catalog.pg_class WHERE relkind = 'f' OR relispartition AND relkind IN ('r', 'p')
  UNION ALL
  SELECT 5, x.kind, quote_ident(x.name) || ' on ' || c.oid::regclass, 'pg_class'::regclass, c.oid, c.relnamespace
  FROM (
    SELECT 'trigger' AS kind, tgname AS name, tgrelid AS of FROM pg_catalog.pg_trigger
    WHERE NOT tgisinternal AND tgparentid = 0
    UNION ALL SELECT 'policy', polname, polrelid FROM pg_catalog.pg_policy
    UNION ALL SELECT 'rule', rulename, ev_class FROM pg_catalog.pg_rewrite WHERE rulename <> '_RETURN'
  ) AS x
  JOIN pg_catalog.pg_class AS c ON c.oid = x.of
) AS what
JOIN pg_catalog.pg_namespace AS n ON n.oid = what.namespace
WHERE (what.kind = 'extension' OR n.nspname = ANY (CAST(? AS text[])))
  AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend AS e WHERE e.objid = what.oid AND e.classid = what.class AND e.deptype = 'e'
  )
ORDER BY what.place, what.kind, what.name]]

return queries
