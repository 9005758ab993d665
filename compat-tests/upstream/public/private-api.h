/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What upstream's test sources take from libdbus's private headers, made from public functions
 * alone, so that they can be compiled against any libdbus. Each private header that they name is a
 * file that includes this one.
 */
#ifndef UPSTREAM_PRIVATE_API_H
#define UPSTREAM_PRIVATE_API_H

#include <assert.h>
#include <dbus/dbus.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _DBUS_WARN_UNUSED_RESULT __attribute__((warn_unused_result))
#define _DBUS_ZERO(object) memset(&(object), 0, sizeof(object))
#define _DBUS_STATIC_ASSERT(condition) _Static_assert(condition, #condition)
#define _DBUS_SET_OOM(error) \
  dbus_set_error_const((error), DBUS_ERROR_NO_MEMORY, "Not enough memory")
#define _dbus_assert(condition) assert(condition)
#define _dbus_verbose(...) ((void)0)
#define _dbus_getenv getenv
#define _dbus_getuid getuid
#define RUNNING_ON_VALGRIND 0
#define BUS_INTERFACE_STATS "org.freedesktop.DBus.Debug.Stats"

/* main-loop.c */
typedef struct DBusLoop DBusLoop;
DBusLoop* _dbus_loop_new(void);
DBusLoop* _dbus_loop_ref(DBusLoop* loop);
void _dbus_loop_unref(DBusLoop* loop);
/* One round: waits if it may and nothing is ready, handles what is ready, dispatches. */
void _dbus_loop_iterate(DBusLoop* loop, dbus_bool_t may_block);
void _dbus_loop_run(DBusLoop* loop);
void _dbus_loop_quit(DBusLoop* loop);

/* private-api.c */
typedef struct {
  char* text;
  int length;
} DBusString;
dbus_bool_t _dbus_string_init(DBusString* string);
void _dbus_string_init_const_len(DBusString* string, const char* text, int length);
const char* _dbus_string_get_const_data(const DBusString* string);
void _dbus_string_free(DBusString* string);

typedef struct {
  int fd;
} DBusSocket;
typedef DBusSocket DBusPipe;
void _dbus_pipe_init_stdout(DBusPipe* pipe);
void _dbus_fd_set_close_on_exec(int fd);
int _dbus_write_socket_with_unix_fds(DBusSocket socket, const DBusString* buffer, int start,
                                     int length, const int* fds, int n_fds);
void _dbus_get_monotonic_time(long* seconds, long* microseconds);
void _dbus_sleep_milliseconds(int milliseconds);

/* The server's view of a client, as far as the public API tells it. */
typedef DBusConnection DBusCredentials;
DBusCredentials* _dbus_connection_get_credentials(DBusConnection* connection);
dbus_bool_t _dbus_credentials_to_string_append(DBusCredentials* credentials, DBusString* string);

/* Not public, but dbus-monitor uses it too, so that both libraries export it. */
__attribute__((visibility("default"))) void _dbus_connection_set_builtin_filters_enabled(
    DBusConnection* connection, dbus_bool_t enabled);

/* Only called for a message that should have been refused. */
#define _dbus_message_remove_unknown_fields(message) ((void)(message))

/* Of the machine's id, test-autolaunch only wants to know whether there is one. */
typedef int DBusGUID;
#define _dbus_read_local_machine_uuid(uuid, create, error) \
  ((void)(uuid), dbus_free_if_set(dbus_try_get_local_machine_id(error)))
static inline dbus_bool_t dbus_free_if_set(char* id) {
  dbus_free(id);
  return id != NULL;
}

/* In a production build nothing counts allocations or makes them fail. */
typedef dbus_bool_t (*DBusTestMemoryFunction)(void* data, dbus_bool_t have_memory);
#define _dbus_get_malloc_blocks_outstanding() 0
#define _dbus_test_oom_handling(name, function, data) ((void)(name), (function)((data), TRUE))

#endif
