/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fidelity test puts into volumes and into a container's writable layer. Both end the program on any error. */
#ifndef FIDELITY_TREE_H
#define FIDELITY_TREE_H

int fidelity_make(const char *folder, long count);
int fidelity_layer(void);

#endif
