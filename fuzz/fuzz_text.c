/* Text codecs: the vector forms of base64 against the plain ones; UTF-8, percent-encoding, UUIDs, error texts. */
#include "base/base64.h"
#include "base/err.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool cond) {
    if (!cond) {
        abort();
    }
}

static void base64(const uint8_t *data, size_t size) {
    uint8_t *a = malloc(B64_LEN(size) + 1), *b = malloc(B64_LEN(size) + 1);
    uint8_t *c = malloc(B64_LEN(size) / 4 * 3 + 3), *d = malloc(size / 4 * 3 + 3), *e = malloc(size / 4 * 3 + 3);
    require(a != NULL && b != NULL && c != NULL && d != NULL && e != NULL);
    size_t n = b64_encode(a, data, size), m = 0, k = 0;
    require(n == B64_LEN(size) && n == b64_encode_plain(b, data, size) && memcmp(a, b, n) == 0);
    require(b64_decode(c, &m, a, n) && m == size && (size == 0 || memcmp(c, data, size) == 0));
    bool good = b64_decode(d, &m, data, size);
    require(good == b64_decode_plain(e, &k, data, size));
    require(!good || (m == k && memcmp(d, e, m) == 0));
    free(a);
    free(b);
    free(c);
    free(d);
    free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base64(data, size);
    const char *text = (const char *)data;
    char clean[64];
    err_clean_text(clean, sizeof clean, text, size);
    require(strlen(clean) < sizeof clean);
    if (utf8_valid(data, size)) {
        require(utf8_valid((const uint8_t *)clean, strlen(clean)));
        require(utf8_cut(text, size) == size);
    }
    buf_t escaped, back;
    buf_init(&escaped, 3 * size + 1, "escaped", false);
    buf_init(&back, 3 * size + 1, "back", false);
    url_escape(&escaped, text, size);
    require(url_unescape(&back, (const char *)escaped.ptr, escaped.len, false));
    require(back.len == size && (size == 0 || memcmp(back.ptr, data, size) == 0));
    buf_reset(&back);
    (void)!url_unescape(&back, text, size, true);
    require(buf_check(&back, NULL) == SCHLOSS_OK);
    buf_clear(&escaped);
    buf_clear(&back);

    char *s = malloc(size + 1);
    require(s != NULL);
    if (size != 0) {
        memcpy(s, data, size);
    }
    s[size] = 0;
    uint8_t id[16], id_again[16];
    if (uuid_parse(id, s)) {
        char out[37];
        uuid_print(out, id);
        require(uuid_parse(id_again, out) && memcmp(id, id_again, 16) == 0);
    }
    schloss_error_t err;
    schloss_error_clear(&err);
    err_url(&err, s);
    require(strlen(schloss_error_url(&err)) <= strlen(s) && strchr(schloss_error_url(&err), '#') == NULL);
    free(s);
    return 0;
}
