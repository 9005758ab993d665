// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kunit_main.c - runs the KUnit suites that are linked with it and prints TAP
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <kunit/test.h>
#include <linux/slab.h>

static struct kunit_suite *suites, **last = &suites;
static struct kunit *running;
static jmp_buf end_of_case;

void host_register_suite(struct kunit_suite *suite)
{
	*last = suite;
	last = &suite->next;
}

void host_fail(struct kunit *test, bool fatal, const char *file, int line,
	       const char *format, ...)
{
	va_list ap;

	test->failed = true;
	printf("# %s:%d: ", file, line);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	if (fatal)
		longjmp(end_of_case, 1);
}

static void fail_of_warning(const char *what, const char *file, int line)
{
	host_fail(running, false, file, line, "WARN_ON(%s)", what);
}

static bool run(struct kunit_suite *suite, struct kunit_case *c)
{
	struct kunit test = { .failed = false };
	long before = host_allocs();

	running = &test;
	host_on_warning = fail_of_warning;
	if (!suite->init || !suite->init(&test)) {
		if (!setjmp(end_of_case))
			c->run_case(&test);
		if (suite->exit)
			suite->exit(&test);
	} else {
		test.failed = true;
	}
	if (!test.failed && host_allocs() != before)
		host_fail(&test, false, __FILE__, __LINE__,
			  "%ld allocations were not freed",
			  host_allocs() - before);
	host_on_warning = NULL;
	return !test.failed;
}

int main(void)
{
	struct kunit_suite *suite;
	struct kunit_case *c;
	int n = 0, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (suite = suites; suite; suite = suite->next)
		for (c = suite->test_cases; c->run_case; c++)
			n++;
	printf("TAP version 13\n1..%d\n", n);
	n = 0;
	for (suite = suites; suite; suite = suite->next) {
		for (c = suite->test_cases; c->run_case; c++) {
			bool ok = run(suite, c);

			printf("%sok %d %s.%s\n", ok ? "" : "not ", ++n,
			       suite->name, c->name);
			bad += !ok;
		}
	}
	return bad != 0;
}
