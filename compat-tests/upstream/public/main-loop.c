/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A main loop for connections and servers, and the functions of upstream's test-utils.h that attach
 * them to it. It does what the documentation asks of an application:
 * dbus_connection_set_watch_functions, …set_timeout_functions, …set_dispatch_status_function and
 * their like for servers.
 *
 * The library may add, remove and toggle watches and time-outs whenever one is handled. So each
 * round handles one at a time and looks at the lists afresh when they have changed.
 */
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "private-api.h"
#include "test-utils.h"

struct timer {
  DBusTimeout* timeout;
  long long due; /* milliseconds */
};

struct DBusLoop {
  int references;
  int running;
  unsigned changes; /* of the three lists */
  DBusWatch** watches;
  int n_watches;
  struct timer* timers;
  int n_timers;
  DBusConnection** ready; /* to be dispatched, a reference each */
  int n_ready;
};

static long long now_ms(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  abort();
}

static void* grow(void* array, int count, size_t size) {
  array = realloc(array, (count + 1) * size);
  if (!array) fail("no memory for the main loop");
  return array;
}

DBusLoop* _dbus_loop_new(void) {
  DBusLoop* loop = calloc(1, sizeof(*loop));

  if (loop) loop->references = 1;
  return loop;
}

DBusLoop* _dbus_loop_ref(DBusLoop* loop) {
  loop->references++;
  return loop;
}

void _dbus_loop_unref(DBusLoop* loop) {
  if (--loop->references) return;
  while (loop->n_ready) dbus_connection_unref(loop->ready[--loop->n_ready]);
  free(loop->watches);
  free(loop->timers);
  free(loop->ready);
  free(loop);
}

static void drop_loop(void* loop) { _dbus_loop_unref(loop); }

/* --- what the library calls --- */

static dbus_bool_t add_watch(DBusWatch* watch, void* data) {
  DBusLoop* loop = data;

  loop->watches = grow(loop->watches, loop->n_watches, sizeof(*loop->watches));
  loop->watches[loop->n_watches++] = watch;
  loop->changes++;
  return TRUE;
}

static void remove_watch(DBusWatch* watch, void* data) {
  DBusLoop* loop = data;

  for (int i = 0; i < loop->n_watches; i++) {
    if (loop->watches[i] != watch) continue;
    memmove(loop->watches + i, loop->watches + i + 1,
            (--loop->n_watches - i) * sizeof(*loop->watches));
    loop->changes++;
    return;
  }
  fail("a watch is removed that was not added");
}

static void toggle_watch(DBusWatch* watch, void* data) {
  (void)watch; /* each round asks whether it is enabled */
  ((DBusLoop*)data)->changes++;
}

static struct timer* find_timer(DBusLoop* loop, DBusTimeout* timeout) {
  for (int i = 0; i < loop->n_timers; i++)
    if (loop->timers[i].timeout == timeout) return &loop->timers[i];
  fail("this time-out was not added");
  return NULL;
}

static void start_timer(struct timer* timer) {
  timer->due = now_ms() + dbus_timeout_get_interval(timer->timeout);
}

static dbus_bool_t add_timeout(DBusTimeout* timeout, void* data) {
  DBusLoop* loop = data;

  loop->timers = grow(loop->timers, loop->n_timers, sizeof(*loop->timers));
  loop->timers[loop->n_timers].timeout = timeout;
  start_timer(&loop->timers[loop->n_timers++]);
  loop->changes++;
  return TRUE;
}

static void remove_timeout(DBusTimeout* timeout, void* data) {
  DBusLoop* loop = data;
  struct timer* timer = find_timer(loop, timeout);

  *timer = loop->timers[--loop->n_timers];
  loop->changes++;
}

static void toggle_timeout(DBusTimeout* timeout, void* data) {
  DBusLoop* loop = data;

  start_timer(find_timer(loop, timeout));
  loop->changes++;
}

static void dispatch_status_changed(DBusConnection* connection, DBusDispatchStatus status,
                                    void* data) {
  DBusLoop* loop = data;

  if (status == DBUS_DISPATCH_COMPLETE) return;
  loop->ready = grow(loop->ready, loop->n_ready, sizeof(*loop->ready));
  loop->ready[loop->n_ready++] = dbus_connection_ref(connection);
}

/* --- a round --- */

static void dispatch_ready(DBusLoop* loop) {
  while (loop->n_ready) {
    DBusConnection* connection = loop->ready[0];
    DBusDispatchStatus status;

    memmove(loop->ready, loop->ready + 1, --loop->n_ready * sizeof(*loop->ready));
    do {
      status = dbus_connection_dispatch(connection);
    } while (status == DBUS_DISPATCH_DATA_REMAINS);
    if (status == DBUS_DISPATCH_NEED_MEMORY) dispatch_status_changed(connection, status, loop);
    dbus_connection_unref(connection);
    if (status == DBUS_DISPATCH_NEED_MEMORY) return;
  }
}

/* Milliseconds until the first timer is due; -1: there is none. */
static int time_left(DBusLoop* loop) {
  long long now = now_ms(), left = -1;

  for (int i = 0; i < loop->n_timers; i++) {
    long long mine = loop->timers[i].due - now;

    if (!dbus_timeout_get_enabled(loop->timers[i].timeout)) continue;
    if (mine < 0) mine = 0;
    if (left < 0 || mine < left) left = mine;
  }
  return left;
}

static void run_timers(DBusLoop* loop) {
  unsigned changes = loop->changes;
  long long now = now_ms();

  /* After a change the rest waits for the next round. */
  for (int i = 0; i < loop->n_timers && loop->changes == changes; i++) {
    if (!dbus_timeout_get_enabled(loop->timers[i].timeout) || loop->timers[i].due > now) continue;
    start_timer(&loop->timers[i]);
    dbus_timeout_handle(loop->timers[i].timeout);
  }
}

static short events_of(DBusWatch* watch) {
  unsigned int flags = dbus_watch_get_enabled(watch) ? dbus_watch_get_flags(watch) : 0;

  return (flags & DBUS_WATCH_READABLE ? POLLIN : 0) | (flags & DBUS_WATCH_WRITABLE ? POLLOUT : 0);
}

static unsigned int condition_of(short events) {
  return (events & POLLIN ? DBUS_WATCH_READABLE : 0) |
         (events & POLLOUT ? DBUS_WATCH_WRITABLE : 0) | (events & POLLHUP ? DBUS_WATCH_HANGUP : 0) |
         (events & POLLERR ? DBUS_WATCH_ERROR : 0);
}

static void run_watches(DBusLoop* loop, int wait_ms) {
  int count = loop->n_watches;
  struct pollfd* polled = calloc(count + 1, sizeof(*polled));
  unsigned changes = loop->changes;

  for (int i = 0; i < count; i++) {
    polled[i].events = events_of(loop->watches[i]);
    polled[i].fd = polled[i].events ? dbus_watch_get_unix_fd(loop->watches[i]) : -1;
  }
  if (poll(polled, count, wait_ms) > 0) {
    for (int i = 0; i < count && loop->changes == changes; i++) {
      unsigned int condition = condition_of(polled[i].revents);

      if (condition && !dbus_watch_handle(loop->watches[i], condition))
        usleep(1000); /* no memory: another round tries again */
    }
  }
  free(polled);
}

void _dbus_loop_iterate(DBusLoop* loop, dbus_bool_t may_block) {
  int wait_ms = may_block && !loop->n_ready ? time_left(loop) : 0;

  _dbus_loop_ref(loop);
  run_watches(loop, wait_ms);
  run_timers(loop);
  dispatch_ready(loop);
  _dbus_loop_unref(loop);
}

void _dbus_loop_run(DBusLoop* loop) {
  _dbus_loop_ref(loop);
  loop->running = 1;
  while (loop->running) _dbus_loop_iterate(loop, TRUE);
  _dbus_loop_unref(loop);
}

void _dbus_loop_quit(DBusLoop* loop) { loop->running = 0; }

/* --- test-utils.h --- */

TestMainContext* test_main_context_get(void) {
  TestMainContext* loop = _dbus_loop_new();

  if (!loop) fail("no memory for the main loop");
  return loop;
}

TestMainContext* test_main_context_try_get(void) { return _dbus_loop_new(); }

TestMainContext* test_main_context_ref(TestMainContext* loop) { return _dbus_loop_ref(loop); }

void test_main_context_unref(TestMainContext* loop) { _dbus_loop_unref(loop); }

void test_main_context_iterate(TestMainContext* loop, dbus_bool_t may_block) {
  _dbus_loop_iterate(loop, may_block);
}

dbus_bool_t test_connection_try_setup(TestMainContext* loop, DBusConnection* connection) {
  dbus_connection_set_dispatch_status_function(connection, dispatch_status_changed,
                                               _dbus_loop_ref(loop), drop_loop);
  if (!dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle_watch,
                                           _dbus_loop_ref(loop), drop_loop) ||
      !dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout,
                                             toggle_timeout, _dbus_loop_ref(loop), drop_loop))
    return FALSE;
  dispatch_status_changed(connection, dbus_connection_get_dispatch_status(connection), loop);
  return TRUE;
}

void test_connection_setup(TestMainContext* loop, DBusConnection* connection) {
  if (!test_connection_try_setup(loop, connection)) fail("no memory to set up a connection");
}

void test_connection_shutdown(TestMainContext* loop, DBusConnection* connection) {
  int kept = 0;

  if (!dbus_connection_set_watch_functions(connection, NULL, NULL, NULL, NULL, NULL) ||
      !dbus_connection_set_timeout_functions(connection, NULL, NULL, NULL, NULL, NULL))
    fail("functions can't be taken away from a connection");
  dbus_connection_set_dispatch_status_function(connection, NULL, NULL, NULL);
  if (!loop) /* whoever has forgotten it: then the connection is still dispatched once */
    return;
  for (int i = 0; i < loop->n_ready; i++) {
    if (loop->ready[i] == connection)
      dbus_connection_unref(connection);
    else
      loop->ready[kept++] = loop->ready[i];
  }
  loop->n_ready = kept;
}

dbus_bool_t test_server_try_setup(TestMainContext* loop, DBusServer* server) {
  return dbus_server_set_watch_functions(server, add_watch, remove_watch, toggle_watch,
                                         _dbus_loop_ref(loop), drop_loop) &&
         dbus_server_set_timeout_functions(server, add_timeout, remove_timeout, toggle_timeout,
                                           _dbus_loop_ref(loop), drop_loop);
}

void test_server_setup(TestMainContext* loop, DBusServer* server) {
  if (!test_server_try_setup(loop, server)) fail("no memory to set up a server");
}

void test_server_shutdown(TestMainContext* loop, DBusServer* server) {
  (void)loop;
  dbus_server_disconnect(server);
  if (!dbus_server_set_watch_functions(server, NULL, NULL, NULL, NULL, NULL) ||
      !dbus_server_set_timeout_functions(server, NULL, NULL, NULL, NULL, NULL))
    fail("functions can't be taken away from a server");
}

void test_pending_call_store_reply(DBusPendingCall* call, void* data) {
  DBusMessage** reply = data;

  *reply = dbus_pending_call_steal_reply(call);
  assert(*reply);
}
