/*
 * sha256.h - SHA-256 as lower-case hexadecimal text. No state, no ownership.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 };

void sha256_hex(const void *data, size_t len, char hex[SHA256_HEX_SIZE]);

#endif
