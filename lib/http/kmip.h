/* One exchange of KMIP over libcurl's TLS: the other protocol of the default transport. Internal to this room. */
#ifndef HTTP_KMIP_H
#define HTTP_KMIP_H

#include "base/buf.h"
#include "http/kmip_name.h"
#include <curl/curl.h>
#include <schloss/ext/transport.h>

#define KMIP_HEADER_LEN 8u                  /* tag, type and length of the outermost item */
#define KMIP_ANSWER_MAX ((size_t)64 * 1024) /* one answer; the request may set less */

/* Sends req->body, one TTLV message, to the server of req->url (kmips://host:port) and reads one TTLV message into out.
 * easy has TLS settings and policy set, and neither URL nor time limits: connections are made by copies of it, and it
 * stays as it is. Proxies are not used. out has the maximum req->max_body and is sensitive when the request is.
 *
 * What does not begin like a TTLV message is handed out as its first eight bytes: the driver says what is wrong with
 * it. Idle connections are kept, and used again for the same URL and TLS settings; a request that finds its kept
 * connection closed is sent once more over a new one. */
SCHLOSS_NODISCARD schloss_rc kmip_perform(CURL *easy, const schloss_http_request_t *req, buf_t *out,
                                          schloss_error_t *err);

/* In curl.c: fills err from a failure of libcurl (CONNECT, TLS, TIMEOUT, IO, NO_MEMORY, ...), or of body when that has
 * failed. error_text: CURLOPT_ERRORBUFFER, or "". Returns the code. */
schloss_rc curl_raise(CURLcode rc, CURL *e, const buf_t *body, const schloss_http_request_t *req,
                      const char *error_text, schloss_error_t *err);

#endif
