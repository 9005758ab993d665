/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What real programs do with a connection: main loops of their own, fork, other users, threads,
 * calls inside a handler, great and foreign messages. */
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_server.h"
#include "scenarios.h"

static int peer;

/* --- main loops */

/* As dnsmasq's and connman's: no watches, poll() on the descriptor for reading only, and send()
 * without flush. */
static void only_the_descriptor(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  int fd = -1;
  struct pollfd poll_fd;

  printf("fd %d\n", dbus_connection_get_unix_fd(connection, &fd) && fd >= 0);
  dbus_connection_send(connection, new_signal("Out"), NULL);
  show("peer reads at once", peer_read(peer, 100));
  poll_fd = (struct pollfd){fd, POLLIN, 0};
  printf("nothing to read: %d\n", poll(&poll_fd, 1, 0));
  for (dbus_uint32_t serial = 1; serial <= 3; ++serial) peer_send(peer, new_signal("In"), serial);
  printf("readable %d, and still %d\n", poll(&poll_fd, 1, 1000), poll(&poll_fd, 1, 0));
  dbus_connection_read_write(connection, 0);
  printf("read: %d\n", poll(&poll_fd, 1, 0));
  for (int i = 0; i < 4; ++i) show("pop", dbus_connection_pop_message(connection));
  close(peer);
  printf("hang-up is readable: %d\n", poll(&poll_fd, 1, 1000));
  dbus_connection_read_write(connection, 0);
  show("pop", dbus_connection_pop_message(connection));
}

static int wakeups;

static void wake(void* name) {
  (void)name;
  ++wakeups;
}

static void* send_from_thread(void* connection) {
  dbus_connection_send(connection, new_signal("FromThread"), NULL);
  return NULL;
}

static void wakeup(void) {
  DBusConnection* connection;
  pthread_t thread;
  DBusPendingCall* pending;

  dbus_threads_init_default();
  connection = fake_connect(&peer, false);
  set_loop(connection);
  dbus_connection_set_wakeup_main_function(connection, wake, "wake", free_name);
  printf("set: woken %d\n", wakeups > 0);
  wakeups = 0;
  dbus_connection_send(connection, new_signal("Same"), NULL);
  printf("send: woken %d\n", wakeups > 0);
  wakeups = 0;
  pthread_create(&thread, NULL, send_from_thread, connection);
  pthread_join(thread, NULL);
  printf("send of another thread: woken %d\n", wakeups > 0);
  wakeups = 0;
  pending = start_call(connection, 60000, "call");
  printf("call: woken %d\n", wakeups > 0);
  dbus_pending_call_cancel(pending);
  dbus_pending_call_unref(pending);
  wakeups = 0;
  peer_send(peer, new_signal("In"), 5);
  dbus_connection_read_write(connection, 500);
  printf("something came: woken %d\n", wakeups > 0);
  dbus_connection_set_wakeup_main_function(connection, NULL, NULL, NULL);
}

/* --- a handler that blocks, or closes (one that dispatches hangs libdbus for good) */

static int depth;

static DBusHandlerResult nested(DBusConnection* connection, DBusMessage* message, void* what) {
  const char* member = dbus_message_get_member(message);

  printf("%*senter %s\n", depth * 2, "", member ? member : "-");
  ++depth;
  if (strcmp(what, "block") == 0 && member && strcmp(member, "A") == 0) {
    peer_send(peer, new_return(2), 30);
    block(connection, 500);
  } else if (strcmp(what, "close") == 0 && member && strcmp(member, "A") == 0) {
    dbus_connection_close(connection);
  }
  --depth;
  printf("%*sleave %s\n", depth * 2, "", member ? member : "-");
  return DBUS_HANDLER_RESULT_HANDLED;
}

static void calling_inside(void) {
  static const char* const what[] = {"block", "close"};

  for (unsigned i = 0; i < sizeof what / sizeof *what; ++i) {
    DBusConnection* connection = fake_connect(&peer, false);

    printf("-- %s\n", what[i]);
    dispatch_all(connection);
    dbus_connection_add_filter(connection, nested, (void*)what[i], NULL);
    peer_send(peer, new_signal("A"), 10);
    peer_send(peer, new_signal("B"), 11);
    peer_send(peer, new_signal("C"), 12);
    while (dbus_connection_get_is_connected(connection) &&
           dbus_connection_get_dispatch_status(connection) != DBUS_DISPATCH_DATA_REMAINS)
      dbus_connection_read_write(connection, 500);
    usleep(20000);
    dbus_connection_read_write(connection, 0);
    dispatch_all(connection);
  }
}

/* --- other processes and users */

static void ask_bus(DBusConnection* bus, const char* who, const char* member) {
  DBusError error = DBUS_ERROR_INIT;
  DBusMessage* call =
      dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, member);
  DBusMessage* reply;
  const char* name = dbus_bus_get_unique_name(bus);
  dbus_uint32_t number = 0;

  dbus_message_append_args(call, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
  reply = dbus_connection_send_with_reply_and_block(bus, call, 5000, &error);
  if (reply) dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
  printf("%s: %s: %s, mine %d, my parent's %d\n", who, member, reply ? "reply" : error.name,
         number == (dbus_uint32_t)getpid(), number == (dbus_uint32_t)getppid());
  dbus_message_unref(call);
  if (reply) dbus_message_unref(reply);
  dbus_error_free(&error);
}

static DBusConnection* real_bus(void) {
  DBusConnection* bus = dbus_bus_get(DBUS_BUS_SESSION, NULL);

  if (!bus) {
    printf("no bus\n");
    exit(1);
  }
  dbus_connection_set_exit_on_disconnect(bus, FALSE);
  return bus;
}

static void wait_for(pid_t child) {
  int status;

  waitpid(child, &status, 0);
  printf("child: %s %d\n", WIFEXITED(status) ? "exit" : "signal",
         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void after_fork(void) {
  DBusConnection* bus = real_bus();
  pid_t child;

  ask_bus(bus, "before", "GetConnectionUnixProcessID");
  fflush(stdout);
  child = fork();
  if (child == 0) {
    ask_bus(bus, "child", "GetConnectionUnixProcessID");
    printf("child: the same shared bus %d\n", dbus_bus_get(DBUS_BUS_SESSION, NULL) == bus);
    exit(7);
  }
  wait_for(child);
  ask_bus(bus, "parent", "GetConnectionUnixProcessID");
}

/* As dnsmasq: connect, then become a daemon, who alone goes on. */
static void daemonised(void) {
  DBusConnection* bus = real_bus();
  int done[2];
  char byte;

  fflush(stdout);
  if (pipe(done)) return;
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    close(done[0]);
    ask_bus(bus, "daemon", "GetConnectionUnixProcessID");
    printf("daemon: name %d\n", dbus_bus_request_name(bus, "a.daemon", 0, NULL));
    fflush(stdout);
    _exit(0);
  }
  close(done[1]);
  wait(NULL);
  while (read(done[0], &byte, 1) > 0)
    ;
  printf("the first process ends without a word to the bus\n");
}

static void another_user(void) {
  DBusConnection* bus;

  if (geteuid() != 0) {
    printf("needs root:\nso there is nothing to compare\n");
    return;
  }
  bus = real_bus();
  ask_bus(bus, "root", "GetConnectionUnixUser");
  if (setgid(65534) || setuid(65534)) return;
  ask_bus(bus, "nobody", "GetConnectionUnixUser");
  printf("name %d\n", dbus_bus_request_name(bus, "a.b", 0, NULL));
  printf("a new one: %s\n",
         dbus_bus_get_private(DBUS_BUS_SESSION, NULL) ? "connected" : "not connected");
}

/* --- threads */

enum { THREADS = 8, CALLS = 50 };

static void* caller(void* bus) {
  static const char* const members[] = {"GetId", "ListNames"};
  intptr_t good = 0;

  for (int i = 0; i < CALLS; ++i) {
    DBusMessage* call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                     DBUS_INTERFACE_DBUS, members[i % 2]);
    DBusMessage* reply = dbus_connection_send_with_reply_and_block(bus, call, 10000, NULL);

    if (reply && dbus_message_get_reply_serial(reply) == dbus_message_get_serial(call) &&
        strcmp(dbus_message_get_signature(reply), i % 2 ? "as" : "s") == 0)
      ++good;
    if (reply) dbus_message_unref(reply);
    dbus_message_unref(call);
  }
  return (void*)good;
}

static void many_threads(void) {
  DBusConnection* bus;
  pthread_t threads[THREADS];
  intptr_t good = 0;

  dbus_threads_init_default();
  bus = real_bus();
  for (int i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, caller, bus);
  for (int i = 0; i < THREADS; ++i) {
    void* part;

    pthread_join(threads[i], &part);
    good += (intptr_t)part;
  }
  printf("%d threads, %d good replies of\n%d\n", THREADS, (int)good, THREADS * CALLS);
}

/* --- great and foreign messages */

static DBusMessage* with_bytes(unsigned bytes) {
  DBusMessage* message = new_signal("Big");
  char* data = calloc(1, bytes + 1);

  if (!dbus_message_append_args(message, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &data, (int)bytes,
                                DBUS_TYPE_INVALID))
    printf("no memory\n");
  free(data);
  return message;
}

struct feed {
  int peer;
  char* bytes;
  int size;
};

static void* feed_peer(void* data) {
  struct feed* feed = data;
  int done = 0;

  while (done < feed->size) {
    ssize_t n = send(feed->peer, feed->bytes + done, (size_t)(feed->size - done), MSG_NOSIGNAL);
    if (n <= 0) break;
    done += (int)n;
  }
  return NULL;
}

static void receive_bytes(long limit, unsigned bytes) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusMessage* message = with_bytes(bytes);
  struct feed feed = {peer, NULL, 0};
  pthread_t thread;
  DBusMessage* got = NULL;

  dispatch_all(connection);
  if (limit) dbus_connection_set_max_message_size(connection, limit);
  printf("limit %ld, ", dbus_connection_get_max_message_size(connection));
  dbus_message_set_serial(message, 5);
  if (!dbus_message_marshal(message, &feed.bytes, &feed.size)) return;
  dbus_message_unref(message);
  printf("message of %d: ", feed.size);
  pthread_create(&thread, NULL, feed_peer, &feed);
  for (int i = 0; i < 20000 && !got; ++i) {
    if (!dbus_connection_read_write(connection, 100)) break;
    got = dbus_connection_pop_message(connection);
  }
  if (!got) got = dbus_connection_pop_message(connection);
  printf("connected %d\n", dbus_connection_get_is_connected(connection));
  show("got", got);
  close(peer);
  pthread_join(thread, NULL);
  dbus_free(feed.bytes);
}

static void message_limits(void) {
  receive_bytes(1000, 900);
  receive_bytes(1000, 1000);
  receive_bytes(0, 60u << 20);
  receive_bytes(1u << 20, 2u << 20);
}

/* Two arrays that are as long as arrays can be are more than a message can be. */
static void the_greatest(void) {
  DBusMessage* message = with_bytes(64u << 20);
  DBusConnection* connection = fake_connect(&peer, false);
  DBusMessageIter iter, array;
  char* data = calloc(1, 64u << 20);
  char* bytes;
  int size = 0;

  printf("one: signature %s\n", dbus_message_get_signature(message));
  dbus_message_iter_init_append(message, &iter);
  printf("open %d", dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "y", &array));
  printf(" append %d",
         dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &data, 63 << 20));
  printf(" close %d\n", dbus_message_iter_close_container(&iter, &array));
  dbus_message_set_serial(message, 1);
  printf("just below: marshal %d\n", dbus_message_marshal(message, &bytes, &size));
  if (size) {
    DBusError error = DBUS_ERROR_INIT;

    printf("size %d, needed %d\n", size, dbus_message_demarshal_bytes_needed(bytes, size));
    /* One more byte in the header's length of the body: beyond the maximum. */
    ((dbus_uint32_t*)bytes)[1] = 0x08000000u;
    printf("beyond: needed %d\n", dbus_message_demarshal_bytes_needed(bytes, size));
    printf("demarshal %d %s\n", dbus_message_demarshal(bytes, size, &error) != NULL, error.name);
    dbus_error_free(&error);
    dbus_free(bytes);
  }
  printf("connected %d\n", dbus_connection_get_is_connected(connection));
  dbus_message_unref(message);
  free(data);
}

/* --- the other byte order */

static unsigned char foreign[256];
static unsigned foreign_size;

static void put(const void* bytes, unsigned size) {
  memcpy(foreign + foreign_size, bytes, size);
  foreign_size += size;
}

static void align(unsigned to) {
  while (foreign_size % to) foreign[foreign_size++] = 0;
}

/* Big-endian, of 1, 2, 4 or 8 bytes. */
static void put_number(unsigned size, uint64_t value) {
  align(size);
  while (size--) foreign[foreign_size++] = (unsigned char)(value >> 8 * size);
}

static void put_text(const char* text) {
  put_number(4, strlen(text));
  put(text, (unsigned)strlen(text) + 1);
}

static void put_signature(const char* text) {
  put_number(1, strlen(text));
  put(text, (unsigned)strlen(text) + 1);
}

static void put_field(unsigned code, const char* signature, const char* text) {
  align(8);
  put_number(1, code);
  put_signature(signature);
  if (*signature == 'g')
    put_signature(text);
  else
    put_text(text);
}

static void patch(unsigned at, unsigned value) {
  unsigned end = foreign_size;

  foreign_size = at;
  put_number(4, value);
  foreign_size = end;
}

/* A call with a number, a string, an array of 16-bit numbers, a variant. */
static void make_foreign(void) {
  unsigned start;

  foreign_size = 0;
  put("B\1\0\1", 4);
  put_number(4, 0);
  put_number(4, 77);
  put_number(4, 0);
  put_field(1, "o", "/x");
  put_field(2, "s", "i.I");
  put_field(3, "s", "M");
  put_field(8, "g", "usaqv");
  patch(12, foreign_size - 16);
  align(8);
  start = foreign_size;
  put_number(4, 0x00010203);
  put_text("abc");
  put_number(4, 4);
  put_number(2, 0x0102);
  put_number(2, 0x0304);
  put_signature("d");
  put_number(8, 0x3ff8000000000000); /* 1.5 */
  patch(4, foreign_size - start);
}

static void other_byte_order(void) {
  DBusConnection* connection = fake_connect(&peer, false);
  DBusMessage* got;
  DBusMessageIter iter, array, variant;
  DBusError error = DBUS_ERROR_INIT;
  dbus_uint32_t number = 0;
  const char* text = "-";
  double real = 0;
  char* marshalled;
  int size;

  make_foreign();
  printf("all of it is needed: %d\n",
         dbus_message_demarshal_bytes_needed((char*)foreign, (int)sizeof foreign) ==
             (int)foreign_size);
  got = dbus_message_demarshal((char*)foreign, (int)foreign_size, &error);
  if (!got) {
    printf("%s: %s\n", error.name, error.message);
    return;
  }
  printf("%s %s %s\n", dbus_message_get_path(got), dbus_message_get_member(got),
         dbus_message_get_signature(got));
  dbus_message_iter_init(got, &iter);
  dbus_message_iter_get_basic(&iter, &number);
  dbus_message_iter_next(&iter);
  dbus_message_iter_get_basic(&iter, &text);
  dbus_message_iter_next(&iter);
  printf("%#x %s", number, text);
  for (dbus_message_iter_recurse(&iter, &array);
       dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_UINT16; dbus_message_iter_next(&array)) {
    dbus_uint16_t each;

    dbus_message_iter_get_basic(&array, &each);
    printf(" %#x", each);
  }
  dbus_message_iter_next(&iter);
  dbus_message_iter_recurse(&iter, &variant);
  dbus_message_iter_get_basic(&variant, &real);
  printf(" %g\n", real);
  if (dbus_message_marshal(got, &marshalled, &size)) {
    printf("marshalled as %c, %d bytes\n", marshalled[0], size);
    dbus_free(marshalled);
  }
  dbus_message_unref(got);
  if (write(peer, foreign, foreign_size) < 0) return;
  for (int i = 0; i < 2; ++i) {
    dbus_connection_read_write(connection, 500);
    show("received", dbus_connection_pop_message(connection));
  }
}

const struct scenario process_scenarios[] = {
    {"only-the-descriptor", only_the_descriptor},
    {"wakeup", wakeup},
    {"calling-inside", calling_inside},
    {"after-fork", after_fork},
    {"daemonised", daemonised},
    {"another-user", another_user},
    {"many-threads", many_threads},
    {"message-limits", message_limits},
    {"the-greatest", the_greatest},
    {"other-byte-order", other_byte_order},
    {NULL, NULL},
};
