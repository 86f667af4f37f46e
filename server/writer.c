/* See writer.h. */
#include "server/writer.h"
#include <pthread.h>
#include <signal.h>

struct writer {
    void (*run)(void *user, request_t **rqs, size_t n);
    void (*done)(void *user, writer_job_t *job);
    void *user, *done_user;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    writer_job_t *head, **tail;
    bool stopping;
};

static void *work(void *arg) {
    writer_t *w = arg;
    writer_job_t *jobs[WRITER_GROUP];
    request_t *rqs[WRITER_GROUP];
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->head == NULL && !w->stopping) {
            pthread_cond_wait(&w->wake, &w->lock);
        }
        size_t n = 0;
        while (w->head != NULL && n < WRITER_GROUP) {
            jobs[n] = w->head;
            rqs[n] = w->head->rq;
            w->head = w->head->next;
            n++;
        }
        if (w->head == NULL) {
            w->tail = &w->head;
        }
        if (n == 0) {
            break; /* stopping, and nothing waits */
        }
        pthread_mutex_unlock(&w->lock);
        w->run(w->user, rqs, n);
        for (size_t i = 0; i < n; i++) {
            w->done(w->done_user, jobs[i]);
        }
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

schloss_rc writer_start(writer_t **out, void (*run)(void *user, request_t **rqs, size_t n), void *user,
                        void (*done)(void *done_user, writer_job_t *job), void *done_user, schloss_error_t *err) {
    writer_t *w = MEM_NEW(writer_t);
    if (w == NULL) {
        return NO_MEMORY(err);
    }
    w->run = run;
    w->user = user;
    w->done = done;
    w->done_user = done_user;
    w->tail = &w->head;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    /* Signals are the main thread's business. */
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, work, w);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->wake);
        mem_free(w);
        return FAIL(err, NO_MEMORY, "cannot start a thread");
    }
    *out = w;
    return 0;
}

bool writer_add(writer_t *w, writer_job_t *job) {
    pthread_mutex_lock(&w->lock);
    bool taken = !w->stopping;
    if (taken) {
        job->next = NULL;
        *w->tail = job;
        w->tail = &job->next;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return taken;
}

void writer_stop(writer_t *w) {
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    mem_free(w);
}
