/* The thread that runs writing requests. It takes everything that waits at once and has it run as one group, so that
 * one transaction, and one flush of the disk, serves all of them. */
#ifndef SERVER_WRITER_H
#define SERVER_WRITER_H

#include "server/request.h"

#define WRITER_GROUP 64u /* most requests of one group */

typedef struct writer writer_t;

typedef struct writer_job {
    struct writer_job *next;
    request_t *rq;
} writer_job_t;

SCHLOSS_NODISCARD schloss_rc writer_start(writer_t **out, void (*run)(void *user, request_t **rqs, size_t n),
                                          void *user, void (*done)(void *done_user, writer_job_t *job), void *done_user,
                                          schloss_error_t *err);
/* false: stopping, the job was not taken. The job may be done before this returns. */
bool writer_add(writer_t *w, writer_job_t *job);
/* Refuses new jobs, runs those that wait, joins. */
void writer_stop(writer_t *w);

#endif
