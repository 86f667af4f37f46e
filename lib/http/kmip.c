/* One exchange of KMIP over libcurl's TLS. */
#include "http/kmip.h"

schloss_rc kmip_perform(CURL *easy, const schloss_http_request_t *req, buf_t *out, schloss_error_t *err) {
    (void)easy;
    (void)out;
    return FAIL(err, UNSUPPORTED, "this build's HTTP client does not carry KMIP, which %s wants", req->url);
}
