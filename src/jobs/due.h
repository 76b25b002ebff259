/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The product's rows of the timetable.
 */
#ifndef CM_JOBS_DUE_H
#define CM_JOBS_DUE_H

#include "jobs/timetable.h"

enum { CM_DUE_COUNT = 4 };
extern const struct cm_timetable_row cm_due_rows[CM_DUE_COUNT];

#endif
