/* Hostile shared credentials and configuration files of the AWS tools. */
#include "kms/aws/aws.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"default", "team", ""};
    for (size_t i = 0; i < COUNT_OF(names) * 2; i++) {
        aws_profile_t p;
        schloss_error_t err = {0};
        aws_profile_init(&p);
        schloss_rc rc = aws_profile_parse(&p, bytes(data, size), i % 2 == 0, names[i / 2], &err);
        for (aws_profile_key_t k = AWS_P_ID; rc == SCHLOSS_OK && k < AWS_P_COUNT; k++) {
            const char *v = aws_profile_get(&p, k);
            if ((*v != '\0' && !p.found) || strchr(v, '\n') != NULL || strlen(v) != p.values[k].len) {
                abort();
            }
        }
        aws_profile_clear(&p);
    }
    return 0;
}
