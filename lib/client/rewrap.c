/* Storing a DEK wrapped anew (spec client-encryption 1.13). */
#include "client/exchange.h"

#include "base/text.h"

schloss_rc sr_rewrap_dek(io_t *io, const http_service_t *svc, const char *kek, const char *subject,
                         const char *algorithm, int32_t version, bool deleted, bytes_t wrapped, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "POST", true);
    path_text(&x, DEKS_BASE "/");
    path_value(&x, kek);
    path_text(&x, "/deks/");
    path_value(&x, subject);
    path_text(&x, "?rewrap=true");
    buf_put_str(&x.body, "{");
    body_str(&x, "subject", subject);
    body_int(&x, "version", version);
    body_str(&x, "algorithm", algorithm);
    if (wrapped.ptr != NULL) {
        buf_put_str(&x.body, ",\"encryptedKeyMaterial\":\"");
        if (buf_reserve(&x.body, B64_LEN(wrapped.len))) {
            x.body.len += b64_encode(x.body.ptr + x.body.len, wrapped.ptr, wrapped.len);
        }
        buf_put_str(&x.body, "\"");
    }
    buf_printf(&x.body, ",\"deleted\":%s}", deleted ? "true" : "false");
    schloss_rc rc = exchange_run(&x, io, svc, err);
    if (rc < 0) {
        err_kek(err, kek);
        err_subject(err, subject);
    }
    exchange_clear(&x);
    return rc;
}
