/* The shared files of the AWS tools: ~/.aws/credentials and ~/.aws/config. Lines NAME = VALUE below [SECTION]; comments
 * begin a line with # or ;. Nested settings (indented below an empty value) belong to services and are passed over. */
#include "kms/aws/aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1024 * 1024)
#define PATH_LEN 1024u

static const char *const names[AWS_P_COUNT] = {
    [AWS_P_ID] = "aws_access_key_id",
    [AWS_P_SECRET] = "aws_secret_access_key",
    [AWS_P_TOKEN] = "aws_session_token",
    [AWS_P_ROLE] = "role_arn",
    [AWS_P_SOURCE] = "source_profile",
    [AWS_P_CREDENTIAL_SOURCE] = "credential_source",
    [AWS_P_SESSION] = "role_session_name",
    [AWS_P_EXTERNAL_ID] = "external_id",
    [AWS_P_TOKEN_FILE] = "web_identity_token_file",
    [AWS_P_PROCESS] = "credential_process",
    [AWS_P_SSO] = "sso_account_id",
};

void aws_profile_init(aws_profile_t *p) {
    p->found = false;
    for (size_t i = 0; i < AWS_P_COUNT; i++) {
        buf_init(&p->values[i], AWS_SECRET_MAX, "value in an AWS profile", true);
    }
}

void aws_profile_clear(aws_profile_t *p) {
    for (size_t i = 0; i < AWS_P_COUNT; i++) {
        buf_clear(&p->values[i]);
    }
}

const char *aws_profile_get(aws_profile_t *p, aws_profile_key_t k) {
    return p->values[k].len == 0 ? "" : buf_cstr(&p->values[k]);
}

typedef struct line {
    const char *p, *end;
} line_t;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static line_t trimmed(line_t l) {
    while (l.p < l.end && is_blank(*l.p)) {
        l.p++;
    }
    while (l.end > l.p && is_blank(l.end[-1])) {
        l.end--;
    }
    return l;
}

static bool line_is(line_t l, const char *text) {
    size_t n = strlen(text);
    return (size_t)(l.end - l.p) == n && (n == 0 || memcmp(l.p, text, n) == 0);
}

/* [name], [profile name]; in the configuration file only "default" goes without the word. */
static bool section_is(line_t l, bool is_config, const char *name) {
    l.p++; /* the bracket */
    const char *close = memchr(l.p, ']', (size_t)(l.end - l.p));
    if (close == NULL) {
        return false;
    }
    l = trimmed((line_t){l.p, close});
    if (!is_config) {
        return line_is(l, name);
    }
    if (line_is(l, "default")) {
        return strcmp(name, "default") == 0;
    }
    static const char word[] = "profile";
    size_t n = sizeof word - 1;
    if ((size_t)(l.end - l.p) <= n || memcmp(l.p, word, n) != 0 || !is_blank(l.p[n])) {
        return false;
    }
    return line_is(trimmed((line_t){l.p + n, l.end}), name);
}

static schloss_rc setting(aws_profile_t *p, line_t l, schloss_error_t *err) {
    const char *equals = memchr(l.p, '=', (size_t)(l.end - l.p));
    if (equals == NULL) {
        return SCHLOSS_OK;
    }
    line_t name = trimmed((line_t){l.p, equals});
    line_t value = trimmed((line_t){equals + 1, l.end});
    for (size_t i = 0; i < AWS_P_COUNT; i++) {
        if (line_is(name, names[i]) && p->values[i].len == 0 && value.end > value.p &&
            memchr(value.p, 0, (size_t)(value.end - value.p)) == NULL) {
            buf_put(&p->values[i], value.p, (size_t)(value.end - value.p));
            TRY(buf_check(&p->values[i], err));
        }
    }
    return SCHLOSS_OK;
}

schloss_rc aws_profile_parse(aws_profile_t *p, bytes_t text, bool is_config, const char *name, schloss_error_t *err) {
    const char *at = (const char *)text.ptr;
    const char *end = at == NULL ? at : at + text.len;
    bool mine = false;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        line_t raw = {at, stop == NULL ? end : stop};
        line_t l = trimmed(raw);
        at = stop == NULL ? end : stop + 1;
        if (l.p == l.end || *l.p == '#' || *l.p == ';') {
            continue;
        }
        if (*l.p == '[') {
            mine = section_is(l, is_config, name);
            p->found = p->found || mine;
        } else if (mine && !is_blank(*raw.p)) {
            TRY(setting(p, l, err));
        }
    }
    return SCHLOSS_OK;
}

/* Path of a shared file; false: there is none. */
static bool shared_path(char *out, size_t cap, const char *variable, const char *below_home) {
    const char *path = getenv(variable);
    const char *home = getenv("HOME");
    int n = -1;
    if (path != NULL && *path != '\0') {
        n = snprintf(out, cap, "%s", path);
    } else if (home != NULL && *home != '\0') {
        n = snprintf(out, cap, "%s/%s", home, below_home);
    }
    return n > 0 && (size_t)n < cap && access(out, F_OK) == 0;
}

static schloss_rc load(const kms_key_t *key, aws_profile_t *p, const char *path, bool is_config, const char *name,
                       schloss_error_t *err) {
    buf_t text;
    buf_init(&text, FILE_MAX, "AWS profile file", true);
    schloss_rc rc = rest_file(key, "the AWS profile file", path, &text, err);
    if (rc == SCHLOSS_OK) {
        rc = aws_profile_parse(p, buf_view(&text), is_config, name, err);
    } else if (text.len == 0 && access(path, R_OK) == 0) {
        rc = SCHLOSS_OK; /* empty */
    }
    buf_clear(&text);
    return rc;
}

schloss_rc aws_profile_load(const kms_key_t *key, aws_profile_t *p, const char *name, schloss_error_t *err) {
    char path[PATH_LEN];
    if (shared_path(path, sizeof path, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")) {
        TRY(load(key, p, path, false, name, err));
    }
    if (shared_path(path, sizeof path, "AWS_CONFIG_FILE", ".aws/config")) {
        TRY(load(key, p, path, true, name, err));
    }
    return SCHLOSS_OK;
}
