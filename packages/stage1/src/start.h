/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_START_H
#define RKT_START_H

/* The program: what it returns is its exit status. */
int main(int count, char **arguments);

#endif
