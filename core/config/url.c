/*
 * url.c - parses and shows database URLs; see url.h. Called by config.c, and by drivers' hosts for further URLs.
 *
 * The form is SQLAlchemy's, which is not quite RFC 3986: a password may hold '/', '@' and '?' as they are. So the part
 * before the host ends at the *last* '@' that can end it, which also means that no piece of a password can slip into a
 * part that is shown. The text is cut into pieces first (split); redacting uses the same cut.
 */
#include "config/url.h"

#include "base/strbuf.h"
#include "config/textfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A piece of the text; `text` is NULL where the URL does not have it. */
struct piece {
  const char *text;
  size_t len;
};

struct pieces {
  struct piece scheme, user, password, host, port, database, query;
  bool is_bracketed; /* the host: an IPv6 address */
};

static struct piece piece(const char *from, const char *to) {
  return (struct piece){from, (size_t)(to - from)};
}

/* The first byte of [from, to) that is one of `set`, or `to`. */
static const char *find_any(const char *from, const char *to, const char *set) {
  while (from < to && !strchr(set, *from))
    from++;
  return from;
}

static const char *find_last(const char *from, const char *to, char c) {
  return from < to ? memrchr(from, c, (size_t)(to - from)) : NULL;
}

static bool is_scheme(const char *from, const char *to) {
  if (from == to || !isalpha((unsigned char)*from))
    return false;
  for (; from < to; from++)
    if (!isalnum((unsigned char)*from) && !strchr("+-._", *from))
      return false;
  return true;
}

static bool is_digits(const char *from, const char *to) {
  while (from < to && isdigit((unsigned char)*from))
    from++;
  return from == to;
}

/*
 * The '@' that ends user and password, or NULL: the last one before '/' and '?' where there is no password. A password
 * may hold these two: then the last '@' before the query, or else the last of all, unless what would be the password
 * looks like a port: "host:5432/db?application_name=me@work".
 */
static const char *find_at(const char *rest, const char *end) {
  const char *authority_end = find_any(rest, end, "/?");
  if (*rest == '[') /* an address: its colons begin no password */
    return find_last(rest, authority_end, '@');
  const char *colon = memchr(rest, ':', (size_t)(authority_end - rest));
  const char *first_at = memchr(rest, '@', (size_t)(authority_end - rest));
  if (!colon || (first_at && first_at < colon))
    return find_last(rest, authority_end, '@');
  const char *at = find_last(rest, find_any(rest, end, "?"), '@');
  return at || is_digits(colon + 1, authority_end) ? at : find_last(rest, end, '@');
}

static void split_user(const char *from, const char *to, struct pieces *p) {
  const char *colon = find_any(from, to, ":");
  p->user = piece(from, colon);
  if (colon < to)
    p->password = piece(colon + 1, to);
}

/* "host:port", "[v6]:port". False: a bracket without its pair. */
static bool split_host(const char *from, const char *to, struct pieces *p) {
  const char *colon;
  if (from < to && *from == '[') {
    const char *close = find_any(from, to, "]");
    if (close == to)
      return false;
    p->host = piece(from + 1, close);
    p->is_bracketed = true;
    colon = close + 1;
    if (colon < to && *colon != ':')
      return false;
  } else {
    colon = find_any(from, to, ":");
    p->host = piece(from, colon);
  }
  if (colon < to)
    p->port = piece(colon + 1, to);
  return true;
}

/* Cuts the text without decoding. False, with the reason, where it has not the form of a URL. */
static bool split(const char *text, struct pieces *p, const char **reason) {
  *p = (struct pieces){.is_bracketed = false};
  const char *end = text + strlen(text);
  const char *mark = strstr(text, "://");
  if (!mark || !is_scheme(text, mark)) {
    *reason = "it does not begin with a scheme and '://'";
    return false;
  }
  p->scheme = piece(text, find_any(text, mark, "+"));
  if (p->scheme.len == 0) {
    *reason = "it does not begin with a scheme and '://'";
    return false;
  }
  const char *rest = mark + 3;
  const char *at = find_at(rest, end);
  if (at) {
    split_user(rest, at, p);
    rest = at + 1;
  }
  const char *host_end = find_any(rest, end, "/?");
  const char *path_end = find_any(host_end, end, "?");
  if (host_end < path_end)
    p->database = piece(host_end + 1, path_end);
  if (path_end < end)
    p->query = piece(path_end + 1, end);
  if (split_host(rest, host_end, p))
    return true;
  *reason = "the '[' and ']' around its host do not match";
  return false;
}

static int hex_value(char c) {
  return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Percent-decoding as Python's unquote: what is no valid escape stays as it is. */
static char *decode(struct piece p, bool plus_is_space) {
  struct strbuf out = STRBUF_INIT;
  for (size_t i = 0; i < p.len; i++) {
    char c = p.text[i];
    bool is_escape =
        c == '%' && p.len - i > 2 && isxdigit((unsigned char)p.text[i + 1]) && isxdigit((unsigned char)p.text[i + 2]);
    if (is_escape) {
      strbuf_add_char(&out, (char)(hex_value(p.text[i + 1]) * 16 + hex_value(p.text[i + 2])));
      i += 2;
    } else {
      strbuf_add_char(&out, c == '+' && plus_is_space ? ' ' : c);
    }
  }
  if (memchr(out.buf, '\0', out.len)) {
    strbuf_release(&out);
    return NULL;
  }
  return strbuf_detach(&out);
}

/* Decodes into the field; NULL where the piece is absent, or empty unless that has a meaning. */
static bool take(struct piece p, bool keep_empty, char **field, const char **reason) {
  if (!p.text || (p.len == 0 && !keep_empty))
    return true;
  *field = decode(p, false);
  if (!*field) {
    *reason = "it holds an encoded NUL byte";
    return false;
  }
  if (textfile_utf8_prefix(*field, strlen(*field)) == strlen(*field))
    return true;
  *reason = "a part of it is not valid UTF-8 after decoding";
  return false;
}

static bool take_query(struct piece query, struct url *url, const char **reason) {
  const char *end = query.text + query.len;
  for (const char *from = query.text; query.text && from < end;) {
    const char *stop = find_any(from, end, "&");
    const char *equals = find_any(from, stop, "=");
    char *key = decode(piece(from, equals), true);
    char *value = decode(piece(equals < stop ? equals + 1 : stop, stop), true);
    bool ok = key && value;
    if (ok && *key) {
      strvec_push(&url->keys, key);
      strvec_push(&url->values, value);
    }
    free(key);
    free(value);
    if (!ok) {
      *reason = "its query holds an encoded NUL byte";
      return false;
    }
    from = stop < end ? stop + 1 : end;
  }
  return true;
}

static bool check_port(const char *port, const char **reason) {
  bool is_good =
      !port || (strlen(port) <= 5 && is_digits(port, port + strlen(port)) && strtol(port, NULL, 10) <= 65535);
  if (!is_good)
    *reason = "its port is not a number up to 65535";
  return is_good;
}

static bool has_control_characters(const char *text) {
  for (; *text; text++)
    if (iscntrl((unsigned char)*text))
      return true;
  return false;
}

static bool fill(const char *text, struct url *url, const char **reason) {
  struct pieces p;
  if (has_control_characters(text)) {
    *reason = "it holds a line end or another control character";
    return false;
  }
  if (!split(text, &p, reason))
    return false;
  url->scheme = xstrndup(p.scheme.text, p.scheme.len);
  for (char *c = url->scheme; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  if (!take(p.user, false, &url->user, reason) || !take(p.password, true, &url->password, reason) ||
      !take(p.host, false, &url->host, reason) || !take(p.port, false, &url->port, reason) ||
      !take(p.database, false, &url->database, reason) || !take_query(p.query, url, reason))
    return false;
  if (url->database && strcmp(url->database, ":memory:") == 0) {
    free(url->database);
    url->database = NULL;
  }
  return check_port(url->port, reason);
}

/* Without blanks and line ends at both ends: they come with $(cat file). */
static char *trimmed(const char *text) {
  while (isspace((unsigned char)*text))
    text++;
  size_t len = strlen(text);
  while (len && isspace((unsigned char)text[len - 1]))
    len--;
  return xstrndup(text, len);
}

bool url_parse(const char *text, struct url *url, struct error *err) {
  char *copy = trimmed(text);
  struct url parsed = URL_INIT;
  const char *reason = NULL;
  bool ok = fill(copy, &parsed, &reason);
  if (ok) {
    *url = parsed;
  } else {
    char *shown = url_redact_text(copy);
    error_set(err, ERROR_USAGE, "Could not parse database URL from string '%s': %s", shown, reason);
    error_hint(err, "write scheme://user:password@host:port/database, such as sqlite:///app.db; in a user or password "
                    "write @ as %%40, : as %%3A, / as %%2F");
    free(shown);
    url_release(&parsed);
  }
  free(copy);
  return ok;
}

void url_release(struct url *url) {
  free(url->scheme);
  free(url->user);
  free(url->password);
  free(url->host);
  free(url->port);
  free(url->database);
  strvec_release(&url->keys);
  strvec_release(&url->values);
  *url = (struct url)URL_INIT;
}

/* Keys of the query whose values are nobody's business. */
static bool is_secret(const char *key, size_t len) {
  static const char *const words[] = {"password", "passwd", "passphrase", "pwd", "secret", "token"};
  for (size_t i = 0; i < ARRAY_LEN(words); i++) {
    size_t word_len = strlen(words[i]);
    for (size_t at = 0; at + word_len <= len; at++)
      if (strncasecmp(key + at, words[i], word_len) == 0)
        return true;
  }
  return false;
}

/* Percent-encodes what is not a letter, a digit or one of `plain`. Bytes above 127 stay: the result is for people. */
static void add_encoded(struct strbuf *out, const char *text, const char *plain) {
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    bool is_plain = c > 127 || isalnum(c) || strchr(plain, c);
    if (is_plain)
      strbuf_add_char(out, *text);
    else
      strbuf_addf(out, "%%%02X", (unsigned)c);
  }
}

static void add_host(struct strbuf *out, const struct url *url) {
  if (url->host && strchr(url->host, ':')) {
    strbuf_add_char(out, '[');
    add_encoded(out, url->host, ":.-_");
    strbuf_add_char(out, ']');
  } else if (url->host) {
    add_encoded(out, url->host, ".-_,");
  }
  if (url->port)
    strbuf_addf(out, ":%s", url->port);
}

static void add_query(struct strbuf *out, const struct url *url) {
  for (size_t i = 0; i < url->keys.len; i++) {
    const char *key = strvec_at(&url->keys, i);
    strbuf_add_char(out, i ? '&' : '?');
    add_encoded(out, key, "-._~:/,");
    strbuf_add_char(out, '=');
    if (is_secret(key, strlen(key)))
      strbuf_add_str(out, "***");
    else
      add_encoded(out, strvec_at(&url->values, i), "-._~:/,");
  }
}

char *url_redacted(const struct url *url) {
  struct strbuf out = STRBUF_INIT;
  strbuf_addf(&out, "%s://", url->scheme);
  if (url->user)
    add_encoded(&out, url->user, "-._~");
  if (url->password)
    strbuf_add_str(&out, ":***");
  if (url->user || url->password)
    strbuf_add_char(&out, '@');
  add_host(&out, url);
  if (url->database) {
    strbuf_add_char(&out, '/');
    add_encoded(&out, url->database, "-._~/:,()=&+!$'*;");
  }
  add_query(&out, url);
  return strbuf_detach(&out);
}

/* The value at `from` ends here: at its quote, or before what separates values. */
static const char *skip_value(const char *from, const char *to) {
  if (from == to || (*from != '\'' && *from != '"'))
    return find_any(from, to, "&; \t\n");
  const char quote[] = {*from, '\0'};
  const char *close = find_any(from + 1, to, quote);
  return close < to ? close + 1 : to;
}

/* Copies [from, to), the values behind secret keys as "***": "password=x", "sslpassword = 'a b'", with & ; or blanks
 * between, as in a query or in libpq's own form. */
static void add_masked(struct strbuf *out, const char *from, const char *to) {
  struct strbuf word = STRBUF_INIT;
  bool word_has_ended = false; /* by a blank; the '=' may still come */
  while (from < to) {
    char c = *from++;
    bool is_blank = isspace((unsigned char)c);
    strbuf_add_char(out, c);
    if (c == '=' && is_secret(word.buf, word.len)) {
      while (from < to && isspace((unsigned char)*from))
        from++;
      from = skip_value(from, to);
      strbuf_add_str(out, "***");
    }
    if (strchr("?&;=", c) || (word_has_ended && !is_blank))
      strbuf_clear(&word);
    word_has_ended = is_blank;
    if (!is_blank && !strchr("?&;=", c))
      strbuf_add_char(&word, c);
  }
  strbuf_release(&word);
}

/* Not a URL: everything before the last '@' may be the secret, but for a scheme. */
static void add_unparsed(struct strbuf *out, const char *text) {
  const char *end = text + strlen(text);
  const char *mark = strstr(text, "://");
  const char *rest = mark ? mark + 3 : text;
  const char *at = find_last(rest, end, '@');
  if (at) {
    strbuf_add(out, text, (size_t)(rest - text));
    strbuf_add_str(out, "***");
    text = at;
  }
  add_masked(out, text, end);
}

char *url_redact_text(const char *text) {
  struct strbuf out = STRBUF_INIT;
  struct url url = URL_INIT;
  struct pieces p;
  const char *reason;
  if (!fill(text, &url, &reason) || !split(text, &p, &reason)) {
    add_unparsed(&out, text);
  } else {
    const char *rest = text;
    if (p.password.text) {
      strbuf_add(&out, text, (size_t)(p.password.text - text));
      strbuf_add_str(&out, "***");
      rest = p.password.text + p.password.len;
    }
    const char *query = p.query.text ? p.query.text : text + strlen(text);
    strbuf_add(&out, rest, (size_t)(query - rest));
    add_masked(&out, query, text + strlen(text));
  }
  url_release(&url);
  return strbuf_detach(&out);
}
