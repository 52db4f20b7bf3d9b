#!/usr/bin/env bash
# The same through PgBouncer in transaction mode, at fewer boundaries. scripts/soak/kills takes each one.
exec bash tests/scenario/kill_statements.sh 17 kill pooler
