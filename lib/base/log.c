/* Log lines: formatted on the stack, control characters replaced, one write each. */
#include "base/log.h"
#include "base/err.h"
#include "base/text.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static schloss_log_cb callback;
static void *callback_user;
static _Atomic int threshold = SCHLOSS_LOG_WARN;

static void before_fork(void) {
    pthread_mutex_lock(&lock);
}

static void after_fork(void) {
    pthread_mutex_unlock(&lock);
}

static bool guarded;

static void guard(void) {
    guarded = pthread_atfork(before_fork, after_fork, after_fork) == 0;
}

bool log_guard_fork(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard);
    return guarded;
}

void schloss_log_set(schloss_log_cb cb, void *user, int max_level) {
    pthread_mutex_lock(&lock);
    callback = cb;
    callback_user = user;
    atomic_store_explicit(&threshold, max_level, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
}

bool log_enabled(int level) {
    return level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

static const char *level_name(int level) {
    switch (level) {
    case SCHLOSS_LOG_ERROR:
        return "error";
    case SCHLOSS_LOG_WARN:
        return "warning";
    case SCHLOSS_LOG_INFO:
        return "info";
    default:
        return "debug";
    }
}

void log_line(int level, const char *component, const char *fmt, ...) {
    if (!log_enabled(level)) {
        return;
    }
    char raw[LINE_MAX_BYTES], text[LINE_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    size_t raw_len = n < 0 ? 0 : (size_t)n < sizeof raw ? (size_t)n : utf8_cut(raw, sizeof raw - 1);
    err_clean_text(text, sizeof text, raw, raw_len);

    pthread_mutex_lock(&lock);
    schloss_log_cb cb = callback;
    void *user = callback_user;
    pthread_mutex_unlock(&lock);
    if (cb != NULL) {
        cb(level, component, text, user);
        return;
    }
    char line[LINE_MAX_BYTES + 128];
    n = snprintf(line, sizeof line, "schloss: %s: %s: %s\n", level_name(level), component, text);
    if (n > 0) {
        size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
        /* Nowhere to report a failing standard error. */
        ssize_t unused = write(STDERR_FILENO, line, len);
        (void)unused;
    }
}
