/* Filling and reading error objects. Nothing here allocates but schloss_error_new(). Arguments may point into the error
 * that is being filled: texts are formatted aside first. */
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

#define WIDEST sizeof(((schloss_error_t *)0)->message)

void err_clean_text(char *dst, size_t cap, const char *src, size_t len) {
    if (cap == 0) {
        return;
    }
    if (src == NULL) {
        len = 0;
    }
    size_t n = len < cap ? len : utf8_cut(src, cap - 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)src[i];
        dst[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    dst[n] = 0;
}

static void put(char *dst, size_t cap, const char *fmt, va_list ap) SCHLOSS_PRINTF(3, 0);
static void put(char *dst, size_t cap, const char *fmt, va_list ap) {
    char text[2 * WIDEST];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    err_clean_text(dst, cap, text, len);
}

void schloss_error_clear(schloss_error_t *err) {
    if (err != NULL) {
        err->code = SCHLOSS_OK;
        err->http_status = err->rest_code = 0;
        err->retriable_set = err->retriable = false;
        err->message[0] = err->hint[0] = err->subject[0] = err->field[0] = 0;
        err->kek[0] = err->rule[0] = err->url[0] = 0;
    }
}

schloss_rc err_vset(schloss_error_t *err, schloss_rc code, const char *fmt, va_list ap) {
    if (err != NULL) {
        char text[WIDEST];
        put(text, sizeof text, fmt, ap);
        schloss_error_clear(err);
        err->code = code;
        memcpy(err->message, text, strlen(text) + 1);
    }
    return code;
}

schloss_rc err_set(schloss_error_t *err, schloss_rc code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)err_vset(err, code, fmt, ap);
    va_end(ap);
    return code;
}

void err_wrap(schloss_error_t *err, const char *fmt, ...) {
    if (err == NULL) {
        return;
    }
    char text[WIDEST];
    va_list ap;
    va_start(ap, fmt);
    put(text, sizeof text, fmt, ap);
    va_end(ap);
    char both[2 * WIDEST + 2];
    int n = snprintf(both, sizeof both, "%s: %s", text, err->message);
    err_clean_text(err->message, sizeof err->message, both, n < 0 ? 0 : (size_t)n);
}

void err_hint(schloss_error_t *err, const char *fmt, ...) {
    if (err != NULL) {
        va_list ap;
        va_start(ap, fmt);
        put(err->hint, sizeof err->hint, fmt, ap);
        va_end(ap);
    }
}

static void put_once(char *dst, size_t cap, const char *value) {
    if (value != NULL && dst[0] == 0) {
        err_clean_text(dst, cap, value, strlen(value));
    }
}

void err_subject(schloss_error_t *err, const char *subject) {
    if (err != NULL) {
        put_once(err->subject, sizeof err->subject, subject);
    }
}

void err_field(schloss_error_t *err, const char *field) {
    if (err != NULL) {
        put_once(err->field, sizeof err->field, field);
    }
}

void err_kek(schloss_error_t *err, const char *kek) {
    if (err != NULL) {
        put_once(err->kek, sizeof err->kek, kek);
    }
}

void err_rule(schloss_error_t *err, const char *rule) {
    if (err != NULL) {
        put_once(err->rule, sizeof err->rule, rule);
    }
}

/* Credentials stand before the last '@' of what follows "//" (twice in hcvault://https://…, and at the start when the
 * scheme was forgotten); tokens stand in the query or fragment. */
void err_url(schloss_error_t *err, const char *url) {
    if (err == NULL || url == NULL || err->url[0] != 0) {
        return;
    }
    char text[2 * sizeof err->url];
    size_t n = 0;
    const char *end = url + strcspn(url, "?#");
    bool authority = true;
    for (const char *p = url; p < end && n < sizeof text; p++) {
        if (authority) {
            const char *stop = memchr(p, '/', (size_t)(end - p));
            const char *at = memrchr(p, '@', (size_t)((stop == NULL ? end : stop) - p));
            p = at == NULL ? p : at + 1;
            if (p == end) {
                break;
            }
        }
        text[n++] = *p;
        authority = p[0] == '/' && p > url && p[-1] == '/';
    }
    err_clean_text(err->url, sizeof err->url, text, n);
}

void err_http(schloss_error_t *err, int status, int rest_code) {
    if (err != NULL) {
        err->http_status = status;
        err->rest_code = rest_code;
    }
}

void err_retriable(schloss_error_t *err, bool retriable) {
    if (err != NULL) {
        err->retriable_set = true;
        err->retriable = retriable;
    }
}

void err_copy(schloss_error_t *dst, const schloss_error_t *src) {
    if (dst == src || dst == NULL) {
        return;
    }
    if (src == NULL) {
        schloss_error_clear(dst);
    } else {
        *dst = *src;
    }
}

schloss_error_t *schloss_error_new(void) {
    return MEM_NEW(schloss_error_t);
}

void schloss_error_free(schloss_error_t *err) {
    mem_free(err);
}

schloss_rc schloss_error_code(const schloss_error_t *err) {
    return err == NULL ? SCHLOSS_OK : err->code;
}

const char *schloss_error_message(const schloss_error_t *err) {
    return err == NULL ? "" : err->message;
}

const char *schloss_error_hint(const schloss_error_t *err) {
    return err == NULL ? "" : err->hint;
}

const char *schloss_error_subject(const schloss_error_t *err) {
    return err == NULL ? "" : err->subject;
}

const char *schloss_error_field(const schloss_error_t *err) {
    return err == NULL ? "" : err->field;
}

const char *schloss_error_kek(const schloss_error_t *err) {
    return err == NULL ? "" : err->kek;
}

const char *schloss_error_rule(const schloss_error_t *err) {
    return err == NULL ? "" : err->rule;
}

const char *schloss_error_url(const schloss_error_t *err) {
    return err == NULL ? "" : err->url;
}

int schloss_error_http_status(const schloss_error_t *err) {
    return err == NULL ? 0 : err->http_status;
}

int schloss_error_rest_code(const schloss_error_t *err) {
    return err == NULL ? 0 : err->rest_code;
}
