/*
 * digest.c - SHA-256 and MD5 through nettle; see digest.h.
 */
#include "base/digest.h"

#include <nettle/base16.h>
#include <nettle/md5.h>
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

void md5_hex(const void *data, size_t len, char hex[MD5_HEX_SIZE]) {
  struct md5_ctx ctx;
  uint8_t digest[MD5_DIGEST_SIZE];
  md5_init(&ctx);
  md5_update(&ctx, len, data);
  md5_digest(&ctx, sizeof(digest), digest);
  base16_encode_update(hex, sizeof(digest), digest);
  hex[MD5_HEX_SIZE - 1] = '\0';
}
