/* A fake registry behind a real socket: HTTP/1.1 on 127.0.0.1, one thread per connection, for tests of what passes
 * through libcurl. */
#ifndef TESTLIB_HTTP_FRONT_H
#define TESTLIB_HTTP_FRONT_H

#include "testlib/fake_registry.h"

typedef struct http_front http_front_t;

/* memory: where the connections' buffers lie (HTTP_FRONT_MEMORY bytes), so that a test that looks for leftovers in
 * memory can tell them apart; NULL = own memory. fr must outlive it. */
#define HTTP_FRONT_MEMORY (8u * 65536u)
http_front_t *http_front_start(fake_registry_t *fr, void *memory);
/* "http://127.0.0.1:PORT" */
const char *http_front_url(const http_front_t *front);
/* Every connection must have been closed by its client. */
void http_front_stop(http_front_t *front);

#endif
