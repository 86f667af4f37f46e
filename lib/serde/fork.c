/* The live cores of the process, and what a fork does with them.
 *
 * A process may fork while other threads hold locks of a core, or while their fetches are in flight. So a fork first
 * takes all locks in their order (this list, each core's lock, its env.lock, its counters', its token's, OpenSSL
 * look-ups, secret memory, log) and gives them back on both sides. In the child the other threads do not exist: flights
 * are dropped, or who needs their key would wait for ever; the condition on which the refresh thread waited is made
 * anew, or destroying it would wait for that thread. What those threads held references of (views, key sets) stays in
 * the child's memory until it ends. */
#include "base/log.h"
#include "base/secret.h"
#include "client/auth.h"
#include "crypto/ossl.h"
#include "serde/core.h"
#include "serde/rule_ext.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static core_t *first;

static void before_fork(void) {
    pthread_mutex_lock(&lock);
    for (core_t *c = first; c != NULL; c = c->next) {
        pthread_mutex_lock(&c->lock);
        pthread_mutex_lock(&c->env.lock);
        if (c->ext != NULL) {
            pthread_mutex_lock(&c->ext->lock);
        }
        if (c->service.auth != NULL) {
            sr_auth_lock(c->service.auth);
        }
    }
}

static void after_fork_parent(void) {
    for (core_t *c = first; c != NULL; c = c->next) {
        if (c->service.auth != NULL) {
            sr_auth_unlock(c->service.auth);
        }
        if (c->ext != NULL) {
            pthread_mutex_unlock(&c->ext->lock);
        }
        pthread_mutex_unlock(&c->env.lock);
        pthread_mutex_unlock(&c->lock);
    }
    pthread_mutex_unlock(&lock);
}

static void after_fork_child(void) {
    for (core_t *c = first; c != NULL; c = c->next) {
        flight_drop_all(c);
        core_cond_init(c);
        if (c->service.auth != NULL) {
            sr_auth_unlock(c->service.auth);
        }
        if (c->ext != NULL) {
            pthread_mutex_unlock(&c->ext->lock);
        }
        pthread_mutex_unlock(&c->env.lock);
        pthread_mutex_unlock(&c->lock);
    }
    pthread_mutex_unlock(&lock);
}

static bool guarded;

static void guard(void) {
    /* Handlers run before a fork in reverse order: the locks that are taken last register first. */
    guarded = log_guard_fork() && secret_guard_fork() && ossl_guard_fork() &&
              pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0;
}

schloss_rc core_enlist(core_t *c, schloss_error_t *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard);
    ENSURE(guarded, err, NO_MEMORY, "no memory for fork handlers");
    pthread_mutex_lock(&lock);
    c->next = first;
    first = c;
    pthread_mutex_unlock(&lock);
    return SCHLOSS_OK;
}

void core_delist(core_t *c) {
    pthread_mutex_lock(&lock);
    for (core_t **at = &first; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

void core_family(core_t *c, void (*each)(core_t *c, void *user), void *user) {
    pthread_mutex_lock(&lock);
    for (core_t *k = first; k != NULL; k = k->next) {
        if (k == c || k->parent == c) {
            each(k, user);
        }
    }
    pthread_mutex_unlock(&lock);
}
