/*
 * whoami.h - whose process this is, for rows that name it to others.
 *
 * Asked of the system once. Main thread only. The texts live as long as the process, and are "" where the system does
 * not know.
 */
#ifndef BASE_WHOAMI_H
#define BASE_WHOAMI_H

/* Name of the user whose rights the process has. */
const char *whoami_user(void);

/* Name of the machine. */
const char *whoami_host(void);

#endif
