/* Basic authentication from a users file.
 *
 * Lines "user:$schloss$pbkdf2-sha256$<iterations>$<salt b64>$<hash b64>", '#' starts a comment. A password that was
 * right once is remembered as an HMAC under a random key of the process, so only a user's first request pays for
 * PBKDF2. Wrong passwords always pay, one at a time, so that guessing is slow and does not take the whole machine. */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "base/err.h"
#include "base/mem.h"

typedef struct auth auth_t;

/* @return IO, CONF_VALUE (with the line's number), NO_MEMORY, RANDOM */
SCHLOSS_NODISCARD schloss_rc auth_load(auth_t **out, const char *users_file, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc auth_parse(auth_t **out, const char *text, const char *name, schloss_error_t *err);
void auth_free(auth_t *a);
/* Value of the Authorization header (may be NULL). The user's name, valid as long as a; NULL: denied. */
const char *auth_check(auth_t *a, const char *authorization);

#define AUTH_ITERATIONS 210000u
#define AUTH_HASH_LEN 128u
/* "$schloss$pbkdf2-sha256$..." for the users file. @return RANDOM, CRYPTO */
SCHLOSS_NODISCARD schloss_rc auth_hash_password(const char *password, unsigned iterations, char out[AUTH_HASH_LEN],
                                                schloss_error_t *err);

#endif
