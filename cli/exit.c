/* Which outcome of the library ends in which exit code. The mapping is by category, with the exceptions spelled out. */
#include "cli/exit.h"
#include "base/mem.h"

static int of_status(int http_status, int rest_code) {
    /* The DEK Registry answers "was not deleted first" and "must be undeleted first" with 404: both are states that
     * forbid the change, not things that are missing. Subjects have the like at 40404 to 40407. */
    switch (rest_code) {
    case 40404:
    case 40405:
    case 40406:
    case 40407:
    case 40471:
    case 40472:
    case 42206:
    case 42272:
        return CLI_EXIT_CONFLICT;
    case 40370:
        return CLI_EXIT_AUTH;
    case 50070:
        return CLI_EXIT_ENCRYPTION;
    default:
        break;
    }
    switch (http_status) {
    case 401:
    case 403:
        return CLI_EXIT_AUTH;
    case 404:
        return CLI_EXIT_NOT_FOUND;
    case 409:
        return CLI_EXIT_CONFLICT;
    case 400:
    case 413:
    case 415:
    case 422:
        return CLI_EXIT_DATA;
    case 408:
    case 429:
        return CLI_EXIT_UNREACHABLE;
    default:
        return http_status >= 500 ? CLI_EXIT_UNREACHABLE : CLI_EXIT_FAILED;
    }
}

int exit_code_of(schloss_rc rc, int http_status, int rest_code) {
    switch (rc) {
    case SCHLOSS_OK:
        return CLI_EXIT_OK;
    case SCHLOSS_E_INVALID_ARGUMENT:
        return CLI_EXIT_USAGE;
    case SCHLOSS_E_EMPTY_MESSAGE:
        return CLI_EXIT_DATA;
    case SCHLOSS_E_LIMIT_EXCEEDED:
        return CLI_EXIT_DATA;
    case SCHLOSS_E_CANCELLED:
        return CLI_EXIT_INTERRUPTED;
    case SCHLOSS_E_TLS:
        return CLI_EXIT_UNREACHABLE;
    case SCHLOSS_E_IO:
        return CLI_EXIT_FAILED;
    case SCHLOSS_E_SCHEMA_NOT_FOUND:
    case SCHLOSS_E_KEK_NOT_FOUND:
    case SCHLOSS_E_DEK_NOT_FOUND:
        return rest_code != 0 ? of_status(http_status, rest_code) : CLI_EXIT_NOT_FOUND;
    case SCHLOSS_E_KEK_MISMATCH:
        return CLI_EXIT_ENCRYPTION;
    case SCHLOSS_E_CONFLICT:
        return CLI_EXIT_CONFLICT;
    case SCHLOSS_E_REGISTRY_ANSWER:
        return CLI_EXIT_UNREACHABLE;
    case SCHLOSS_E_REGISTRY_STATUS:
    case SCHLOSS_E_REGISTRY_BUSY:
        return of_status(http_status, rest_code);
    case SCHLOSS_E_KMS_DENIED:
        return CLI_EXIT_AUTH;
    case SCHLOSS_E_KAFKA:
        return CLI_EXIT_UNREACHABLE;
    default:
        break;
    }
    switch (rc / 1000) {
    case -3:
        return CLI_EXIT_UNREACHABLE;
    case -4:
        return CLI_EXIT_AUTH;
    case -5:
        return CLI_EXIT_DATA;
    case -6:
    case -7:
    case -8:
        return CLI_EXIT_ENCRYPTION;
    case -10:
        return CLI_EXIT_STORE;
    case -12:
        return CLI_EXIT_USAGE;
    default:
        return CLI_EXIT_FAILED;
    }
}

bool exit_code_row(unsigned i, int *value, const char **text) {
#define CLI_EXIT_ROW(name, value, text) {value, text},
    static const struct {
        int value;
        const char *text;
    } rows[] = {CLI_EXIT_CODES(CLI_EXIT_ROW)};
#undef CLI_EXIT_ROW
    if (i >= COUNT_OF(rows)) {
        return false;
    }
    *value = rows[i].value;
    *text = rows[i].text;
    return true;
}
