// SPDX-License-Identifier: Apache-2.0
// The program of the demo's image: says who and where it is, then waits to be asked to stop.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct utsname name;
	sigset_t stop;
	int signal;

	uname(&name);
	printf("hello from pid %d, uid %d, on %s\n", (int)getpid(), (int)getuid(), name.nodename);
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "once") == 0)
		return 0;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	sigwait(&stop, &signal);
	printf("asked to stop: good-bye\n");
	return 0;
}
