/*
 * sha256.c - SHA-256 through nettle; see sha256.h.
 */
#include "base/sha256.h"

#include <nettle/base16.h>
#include <nettle/sha2.h>

void sha256_hex(const void *data, size_t len, char hex[SHA256_HEX_SIZE]) {
  struct sha256_ctx ctx;
  uint8_t digest[SHA256_DIGEST_SIZE];
  sha256_init(&ctx);
  sha256_update(&ctx, len, data);
  sha256_digest(&ctx, sizeof(digest), digest);
  base16_encode_update(hex, sizeof(digest), digest);
  hex[SHA256_HEX_SIZE - 1] = '\0';
}
