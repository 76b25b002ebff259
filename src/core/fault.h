/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Named places where a crash is interesting. With CM_FAULT=<name> in the environment at the program's start the
 * process kills itself with SIGKILL when it comes by that place for the first time (CM_FAULT=<name>:3: for the third).
 * With a ! at the end it writes "fault point <name>" to standard error and stays there, so that a test can kill the
 * whole program, the parent too, just then.
 * Without CM_FAULT a point costs one branch. tests/fault/points.txt lists every name; a test holds it against the
 * sources. Any thread.
 */
#ifndef CM_CORE_FAULT_H
#define CM_CORE_FAULT_H

#define CM_FAULT_POINT(name) cm_fault_point(name)

/* Returns, unless CM_FAULT names this point. */
void cm_fault_point(const char *name);

#endif
