/*
 * digest.h - digests as lower-case hexadecimal text. No state, no ownership.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

enum { SHA256_HEX_SIZE = 65, MD5_HEX_SIZE = 33 };

void sha256_hex(const void *data, size_t len, char hex[SHA256_HEX_SIZE]);

/* Only for what other tools have named by it; never where somebody may want to forge a text. */
void md5_hex(const void *data, size_t len, char hex[MD5_HEX_SIZE]);

#endif
