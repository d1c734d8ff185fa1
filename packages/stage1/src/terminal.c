/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"
#include "syscall.h"

bool make_raw(struct termios *saved)
{
	struct termios raw;
	if (CALL(ioctl, 0, TCGETS, saved) < 0)
		return false;
	raw = *saved;
	raw.c_iflag &=
		~(unsigned int)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag &= ~(unsigned int)OPOST;
	raw.c_lflag &= ~(unsigned int)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag &= ~(unsigned int)(CSIZE | PARENB);
	raw.c_cflag |= CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return CALL(ioctl, 0, TCSETSW, &raw) == 0;
}
