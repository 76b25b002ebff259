/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fault.h"
#include "core/file.h"
#include "core/mem.h"

/* Runs in a child with CM_FAULT set so; returns the signal that ended it, or 0. */
static int ended_by(const char *fault, const char *const *points)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (fault != NULL)
			setenv("CM_FAULT", fault, 1);
		else
			unsetenv("CM_FAULT");
		for (; *points; points++)
			CM_FAULT_POINT(*points);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(fault__without_a_wish_nothing_happens)
{
	static const char *const points[] = { "a", "b", NULL };
	CHECK_INT(ended_by(NULL, points), 0);
	CHECK_INT(ended_by("", points), 0);
	CHECK_INT(ended_by("c", points), 0);
}

TEST(fault__the_named_point_kills)
{
	static const char *const points[] = { "a", "b", NULL };
	CHECK_INT(ended_by("b", points), SIGKILL);
}

TEST(fault__a_number_waits_for_that_time)
{
	static const char *const two[] = { "a", "b", "a", NULL }, *const three[] = { "a", "a", "a", NULL };
	CHECK_INT(ended_by("a:3", two), 0);
	CHECK_INT(ended_by("a:3", three), SIGKILL);
}

TEST(fault__with_an_exclamation_mark_it_tells_and_waits)
{
	char line[64] = "";
	int fds[2], status;
	CHECK_INT(pipe(fds), 0);
	pid_t pid = fork();

	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		setenv("CM_FAULT", "b:2!", 1);
		CM_FAULT_POINT("b");
		CM_FAULT_POINT("a");
		CM_FAULT_POINT("b");
		_exit(0);
	}
	CHECK(read(fds[0], line, sizeof(line) - 1) > 0);
	CHECK_STR(line, "fault point b\n");
	kill(pid, SIGTERM);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	close(fds[0]);
	close(fds[1]);
}

static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strstr(list, name); at != NULL; at = strstr(at + 1, name))
		if ((at == list || at[-1] == '\n') && at[n] == ' ')
			return true;
	return false;
}

TEST(fault__the_list_and_the_sources_name_the_same_points)
{
	cm_autobuf struct cm_buf list = CM_BUF_INIT(1 << 20);
	FILE *f =
	    popen("grep -rhoE 'CM_FAULT_POINT\\(\"[a-z_]+\"\\)' src | sed 's/.*\"\\(.*\\)\".*/\\1/' | sort -u", "r");
	char name[128];
	size_t points = 0, lines = 0;

	CHECK(f != NULL);
	CHECK_INT(cm_file_read("tests/fault/points.txt", &list, NULL), 0);
	while (fgets(name, sizeof(name), f) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		points++;
		if (!listed(list.data, name))
			printf("# not in tests/fault/points.txt: %s\n", name);
		CHECK(listed(list.data, name));
	}
	CHECK_INT(pclose(f), 0);
	for (char *line = list.data; *line; line += strcspn(line, "\n"), line += *line == '\n')
		lines += *line != '#';
	CHECK_INT(lines, points);
}
