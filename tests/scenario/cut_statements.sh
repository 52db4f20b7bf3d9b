#!/usr/bin/env bash
# The program loses a connection at the boundaries of a backfill's statements, and goes on by itself. scripts/soak/kills takes each one.
exec bash tests/scenario/kill_statements.sh 9 cut direct
