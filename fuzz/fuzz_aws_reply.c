/* Hostile answers of AWS KMS, of instances' and containers' metadata services: three digits of status, then the body.
 * Refusals are classified; a wrap and an unwrap get the answer, and what they hand out must be whole. */
#include "base/secret.h"
#include "kms/aws/aws.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *setting(void *user, const char *name) {
    (void)user;
    return strcmp(name, "access.key.id") == 0       ? "AKIDTEST"
           : strcmp(name, "secret.access.key") == 0 ? "secret-of-the-test"
                                                    : NULL;
}

static int64_t now(void *user) {
    (void)user;
    return 1767225600000;
}

static const kms_key_t key = {"aws-kms",
                              "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                              {setting, NULL},
                              {now, NULL}};

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static void operate(bool wrap, int status, bytes_t body) {
    io_t *io = NULL;
    buf_t wrapped;
    uint8_t plain[128];
    size_t n = 0;
    schloss_error_t err = {0};
    buf_init(&wrapped, 1 << 20, "wrapped", false);
    must(io_new(&io, &err) == SCHLOSS_OK);
    schloss_rc rc = SCHLOSS_NEED_IO;
    for (int i = 0; i < 6 && rc == SCHLOSS_NEED_IO; i++) {
        rc = wrap ? kms_aws.wrap(&key, io, bytes("key", 3), &wrapped, &err)
                  : kms_aws.unwrap(&key, io, bytes("wrapped", 7), plain, sizeof plain, &n, &err);
        if (rc == SCHLOSS_NEED_IO) {
            must(io_feed(io, status, body, 0, &err) == SCHLOSS_OK);
        }
    }
    must(rc != SCHLOSS_OK || (status == 200 && (wrap ? wrapped.len > 0 : n > 0 && n <= sizeof plain)));
    must(rc >= 0 || (err.code == rc && err.message[0] != '\0' && err.hint[0] != '\0'));
    io_free(io);
    buf_clear(&wrapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) {
        return 0;
    }
    int status = ((data[0] + 2) % 10) * 100 + ((data[1] + 2) % 10) * 10 + (data[2] + 2) % 10; /* '0' is 48 */
    if (status < 100) {
        status = 400;
    }
    bytes_t body = bytes(data + 3, size - 3);
    aws_refusal_t r;
    const char *hint = "";
    aws_refusal_parse(&r, body);
    must(aws_classify(status, &r, SCHLOSS_E_WRAP_FAILED, &hint) < 0 && hint[0] != '\0');
    operate(true, status, body);
    operate(false, status, body);
    aws_cred_t cred;
    io_answer_t a = {.status = status, .body = body};
    schloss_error_t err = {0};
    aws_cred_init(&cred);
    if (aws_metadata_answer(&key, &a, &cred, &err) == SCHLOSS_OK) {
        must(cred.id.len != 0 && cred.secret.len != 0);
    }
    aws_cred_clear(&cred);
    must(secret_in_use() == 0);
    return 0;
}
