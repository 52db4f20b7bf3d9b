/*
 * oids.h - the built-in types that the driver knows by number. The numbers are fixed in pg_type.dat and are the same in
 * all releases of PostgreSQL.
 */
#ifndef MOONBIRD_POSTGRES_OIDS_H
#define MOONBIRD_POSTGRES_OIDS_H

#define OID_UNKNOWN_PARAM 0u /* the server infers the type */
#define OID_BOOL          16u
#define OID_BYTEA         17u
#define OID_CHAR          18u /* "char", one byte */
#define OID_NAME          19u
#define OID_INT8          20u
#define OID_INT2          21u
#define OID_INT4          23u
#define OID_TEXT          25u
#define OID_OID           26u
#define OID_XID           28u
#define OID_JSON          114u
#define OID_FLOAT4        700u
#define OID_FLOAT8        701u
#define OID_UNKNOWN       705u
#define OID_BOOL_ARRAY    1000u
#define OID_BYTEA_ARRAY   1001u
#define OID_TEXT_ARRAY    1009u
#define OID_INT8_ARRAY    1016u
#define OID_FLOAT8_ARRAY  1022u
#define OID_BPCHAR        1042u
#define OID_VARCHAR       1043u
#define OID_DATE          1082u
#define OID_TIMESTAMP     1114u
#define OID_VOID          2278u
#define OID_UUID          2950u
#define OID_JSONB         3802u

#endif
