/*
 * banned.h - included before every file: calls that overflow their target, keep hidden state or hide errors do not
 * compile.
 */
#ifndef MOONBIRD_BANNED_H
#define MOONBIRD_BANNED_H

/* The real headers come first, so that only uses are poisoned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol system gets

#endif
