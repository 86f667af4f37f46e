/* Ctrl-C, SIGTERM and time limits.
 *
 * A client command has at most a second to end by itself after the first signal: loops look at stop_requested() at
 * least every 100 ms, and an alarm ends the process when it sits in a call that cannot be interrupted (an HTTP exchange
 * of the library). Servers have as long as they need; their second signal ends the process at once. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <stdbool.h>

typedef enum { STOP_CLIENT, STOP_SERVER } stop_kind_t;

/* Installs the handlers; SIGPIPE is ignored. */
void stop_install(stop_kind_t kind);
/* Signal that was received, 0 when none. */
int stop_requested(void);
/* Exit code that belongs to the received signal. */
int stop_exit_code(void);
/* Blocks until a signal arrives (servers). */
void stop_wait(void);
/* Ends the process with "no answer within N seconds" and exit code 6 after that time. 0 takes the limit away. */
void stop_deadline(unsigned seconds);

#endif
