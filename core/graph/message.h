/*
 * message.h - errors that several files of this folder give, with Alembic's texts where there are such; for this folder
 * only. Each returns false, so that a caller can `return message_...(...)`.
 */
#ifndef GRAPH_MESSAGE_H
#define GRAPH_MESSAGE_H

#include "base/strbuf.h"
#include "graph/structure.h"

/* Appends "a, b, c"; long lists are cut. */
void message_add_ids(struct strbuf *text, const struct vec *revisions, const char *between);

/* `name`: the part of the identifier that nothing has, or NULL. The hint names what comes near. */
bool message_unknown(struct error *err, const struct graph *graph, const char *name);

/* Several heads where one is wanted; `argument` is the whole identifier. */
bool message_several_heads(struct error *err, const char *argument, const struct vec *heads);

bool message_overlap(struct error *err, enum error_class class, const char *upper, const struct vec *lower);

/* A step of a relative identifier that has several ways on. `from` NULL is base. */
bool message_ambiguous_walk(struct error *err, const char *argument, const struct revision *from,
                            const struct vec *choices);

#endif
