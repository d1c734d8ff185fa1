/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_FILES_H
#define RKT_FILES_H

/* Changes the mode of a path that is not a symbolic link. */
int change_mode(const char *path, unsigned int mode);

/* Gives what was made here the bits that the kernel leaves out or adds when it makes a file. */
int set_exact_mode(const char *path, unsigned int mode);

#endif
