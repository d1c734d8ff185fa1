/* SPDX-License-Identifier: Apache-2.0 */
/* pty SCRIPT COMMAND...: a shell with the script in a new terminal, and the command with the other
 * side of it as descriptor 3. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (count < 3 || master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return 1;
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	int pid = fork();
	if (slave < 0 || pid < 0)
		return 1;
	if (pid == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		close(slave);
		close(master);
		execl("/bin/sh", "sh", "-c", arguments[1], (char *)NULL);
		_exit(1);
	}
	close(slave);
	dup2(master, 3);
	if (master != 3)
		close(master);
	execv(arguments[2], arguments + 2);
	return 1;
}
