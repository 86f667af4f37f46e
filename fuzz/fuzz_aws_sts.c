/* Hostile answers of AWS STS: XML that gives credentials or none, and times. */
#include "kms/aws/aws.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const kms_key_t key = {"aws-kms", "arn", {NULL, NULL}, {NULL, NULL}};
    aws_cred_t cred;
    schloss_error_t err = {0};
    aws_cred_init(&cred);
    schloss_rc rc = aws_sts_answer(&key, bytes(data, size), &cred, &err);
    if (rc == SCHLOSS_OK && (cred.id.len == 0 || cred.secret.len == 0 || cred.token.len == 0 || cred.expires_ms < 0)) {
        abort();
    }
    if (rc == SCHLOSS_OK && (strlen(buf_cstr(&cred.token)) != cred.token.len)) {
        abort(); /* a NUL would cut what is signed */
    }
    aws_cred_clear(&cred);
    char text[48];
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    if (n != 0) {
        memcpy(text, data, n);
    }
    text[n] = '\0';
    int64_t ms = 0;
    if (aws_time(text, &ms) && (ms < 0 || ms > INT64_C(253402300861000))) {
        abort();
    }
    return 0;
}
