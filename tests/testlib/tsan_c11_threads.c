/* C11 threads forwarded to pthreads, for builds with ThreadSanitizer only. TSan intercepts pthreads but not glibc's
 * thrd_*, mtx_*, cnd_* functions, which Debian's librdkafka uses: without this it neither sees those threads nor the
 * order that their locks make, and reports races that are none. glibc's C11 types are at least as large and as aligned
 * as the pthread types that they wrap (checked below), so each is used as what it is inside. */
#pragma GCC visibility push(default) /* shared libraries must find these functions before glibc's */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "mtx_t holds a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "cnd_t holds a pthread_cond_t");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "thrd_t is a pthread_t");
_Static_assert(sizeof(tss_t) == sizeof(pthread_key_t), "tss_t is a pthread_key_t");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "once_flag is a pthread_once_t");

static int result(int rc) {
    switch (rc) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

static pthread_mutex_t *mutex(mtx_t *m) {
    return (pthread_mutex_t *)(void *)m;
}

static pthread_cond_t *cond(cnd_t *c) {
    return (pthread_cond_t *)(void *)c;
}

int mtx_init(mtx_t *m, int type) {
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int rc = pthread_mutex_init(mutex(m), &attr);
    pthread_mutexattr_destroy(&attr);
    return result(rc);
}

int mtx_lock(mtx_t *m) {
    return result(pthread_mutex_lock(mutex(m)));
}

int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict until) {
    return result(pthread_mutex_timedlock(mutex(m), until));
}

int mtx_trylock(mtx_t *m) {
    return result(pthread_mutex_trylock(mutex(m)));
}

int mtx_unlock(mtx_t *m) {
    return result(pthread_mutex_unlock(mutex(m)));
}

void mtx_destroy(mtx_t *m) {
    pthread_mutex_destroy(mutex(m));
}

int cnd_init(cnd_t *c) {
    return result(pthread_cond_init(cond(c), NULL));
}

int cnd_signal(cnd_t *c) {
    return result(pthread_cond_signal(cond(c)));
}

int cnd_broadcast(cnd_t *c) {
    return result(pthread_cond_broadcast(cond(c)));
}

int cnd_wait(cnd_t *c, mtx_t *m) {
    return result(pthread_cond_wait(cond(c), mutex(m)));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until) {
    return result(pthread_cond_timedwait(cond(c), mutex(m), until));
}

void cnd_destroy(cnd_t *c) {
    pthread_cond_destroy(cond(c));
}

typedef struct start {
    thrd_start_t run;
    void *arg;
} start_t;

static void *trampoline(void *p) {
    start_t s = *(start_t *)p;
    free(p);
    return (void *)(intptr_t)s.run(s.arg);
}

int thrd_create(thrd_t *out, thrd_start_t run, void *arg) {
    start_t *s = malloc(sizeof *s);
    if (s == NULL) {
        return thrd_nomem;
    }
    *s = (start_t){run, arg};
    int rc = pthread_create((pthread_t *)out, NULL, trampoline, s);
    if (rc != 0) {
        free(s);
    }
    return rc == EAGAIN ? thrd_nomem : result(rc);
}

int thrd_join(thrd_t t, int *value) {
    void *ret = NULL;
    int rc = pthread_join((pthread_t)t, &ret);
    if (rc == 0 && value != NULL) {
        *value = (int)(intptr_t)ret;
    }
    return result(rc);
}

int thrd_detach(thrd_t t) {
    return result(pthread_detach((pthread_t)t));
}

thrd_t thrd_current(void) {
    return (thrd_t)pthread_self();
}

int thrd_equal(thrd_t a, thrd_t b) {
    return pthread_equal((pthread_t)a, (pthread_t)b);
}

_Noreturn void thrd_exit(int value) {
    pthread_exit((void *)(intptr_t)value);
}

void thrd_yield(void) {
    sched_yield();
}

int tss_create(tss_t *key, tss_dtor_t dtor) {
    return result(pthread_key_create((pthread_key_t *)key, dtor));
}

void *tss_get(tss_t key) {
    return pthread_getspecific((pthread_key_t)key);
}

int tss_set(tss_t key, void *value) {
    return result(pthread_setspecific((pthread_key_t)key, value));
}

void tss_delete(tss_t key) {
    pthread_key_delete((pthread_key_t)key);
}

void call_once(once_flag *flag, void (*func)(void)) {
    pthread_once((pthread_once_t *)(void *)flag, func);
}
