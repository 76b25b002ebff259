/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unit tests: one program a file. TEST(topic__condition) { CHECK(…); } registers itself;
 * the program prints "ok - name" or "not ok - name" for each and exits 1 if one failed.
 * Run one by name: build/tests/test_x part_of_name.
 */
#ifndef CM_TEST_H
#define CM_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cm_test {
	const char *name;
	void (*run)(void);
	struct cm_test *next;
};

static struct cm_test *cm_tests;
static int cm_test_failed;

#define TEST(id)                                                     \
	static void test_##id(void);                                 \
	static struct cm_test entry_##id = { #id, test_##id, NULL }; \
	__attribute__((constructor)) static void register_##id(void) \
	{                                                            \
		entry_##id.next = cm_tests;                          \
		cm_tests = &entry_##id;                              \
	}                                                            \
	static void test_##id(void)

#define CHECK(cond)                                                         \
	do {                                                                \
		if (!(cond)) {                                              \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			cm_test_failed = 1;                                 \
			return;                                             \
		}                                                           \
	} while (0)

#define CHECK_STR(got, want)                                                                                 \
	do {                                                                                                 \
		const char *g_ = (got), *w_ = (want);                                                        \
		if (g_ == NULL || w_ == NULL ? g_ != w_ : strcmp(g_, w_) != 0) {                             \
			printf("# %s:%d: got \"%s\", want \"%s\"\n", __FILE__, __LINE__, g_ ? g_ : "(null)", \
			       w_ ? w_ : "(null)");                                                          \
			cm_test_failed = 1;                                                                  \
			return;                                                                              \
		}                                                                                            \
	} while (0)

#define CHECK_INT(got, want)                                                                  \
	do {                                                                                  \
		long long g_ = (long long)(got), w_ = (long long)(want);                      \
		if (g_ != w_) {                                                               \
			printf("# %s:%d: got %lld, want %lld\n", __FILE__, __LINE__, g_, w_); \
			cm_test_failed = 1;                                                   \
			return;                                                               \
		}                                                                             \
	} while (0)

int main(int argc, char **argv)
{
	int bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct cm_test *t = cm_tests; t != NULL; t = t->next) {
		if (argc > 1 && strstr(t->name, argv[1]) == NULL)
			continue;
		cm_test_failed = 0;
		t->run();
		printf("%s - %s\n", cm_test_failed ? "not ok" : "ok", t->name);
		bad |= cm_test_failed;
	}
	return bad;
}

#endif
