/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transcripts' peer (fake_server.h). */
#include "fake_server.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

char fake_address[200];

static void fail(const char* what) {
  perror(what);
  exit(2);
}

static int listen_somewhere(char* path, unsigned size) {
  static int count;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  snprintf(path, size, "/tmp/dbus-genl-transcript.%d.%d", (int)getpid(), count++);
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  if (fd < 0 || bind(fd, (struct sockaddr*)&name, sizeof name) != 0 || listen(fd, 5) != 0)
    fail("listening socket");
  return fd;
}

static bool read_line(int fd, char* line, unsigned size) {
  unsigned length = 0;
  char byte;

  while (read(fd, &byte, 1) == 1) {
    if (byte == '\n') {
      line[length] = 0;
      return true;
    }
    if (byte != '\r' && length < size - 1) line[length++] = byte;
  }
  return false;
}

static void say(int fd, const char* line) {
  if (write(fd, line, strlen(line)) != (ssize_t)strlen(line)) fail("write");
}

struct handshake {
  int listener, peer;
};

static void* shake_hands(void* data) {
  struct handshake* handshake = data;
  char line[400], zero;
  int fd = accept(handshake->listener, NULL, NULL);

  handshake->peer = fd;
  if (fd < 0 || read(fd, &zero, 1) != 1) return NULL;
  while (read_line(fd, line, sizeof line) && strncmp(line, "BEGIN", 5) != 0) {
    if (strncmp(line, "AUTH EXTERNAL", 13) == 0 || strncmp(line, "DATA", 4) == 0)
      say(fd, "OK 0123456789abcdef0123456789abcdef\r\n");
    else if (strncmp(line, "NEGOTIATE_UNIX_FD", 17) == 0)
      say(fd, "AGREE_UNIX_FD\r\n");
    else
      say(fd, "REJECTED EXTERNAL\r\n");
  }
  return NULL;
}

DBusConnection* fake_connect(int* peer, bool shared) {
  char path[100];
  struct handshake handshake = {listen_somewhere(path, sizeof path), -1};
  DBusError error = DBUS_ERROR_INIT;
  DBusConnection* connection;
  DBusMessage* hello = new_signal("Hello");
  pthread_t thread;

  snprintf(fake_address, sizeof fake_address, "unix:path=%s", path);
  if (pthread_create(&thread, NULL, shake_hands, &handshake) != 0) fail("thread");
  connection = shared ? dbus_connection_open(fake_address, &error)
                      : dbus_connection_open_private(fake_address, &error);
  if (!connection) {
    printf("no connection: %s\n", error.message);
    exit(2);
  }
  dbus_connection_set_exit_on_disconnect(connection, FALSE);
  dbus_connection_send(connection, hello, NULL);
  dbus_message_unref(hello);
  dbus_connection_flush(connection);
  pthread_join(thread, NULL);
  close(handshake.listener);
  unlink(path);
  *peer = handshake.peer;
  hello = peer_read(*peer, 20000);
  if (!hello) fail("no hello");
  dbus_message_unref(hello);
  return connection;
}

int silent_listener(char* address, unsigned size) {
  char path[100];
  int fd = listen_somewhere(path, sizeof path);

  snprintf(address, size, "unix:path=%s", path);
  return fd;
}

DBusMessage* peer_read(int peer, int timeout_ms) {
  static char buffer[1 << 16];
  int have = 0, need = DBUS_MINIMUM_HEADER_SIZE;
  struct pollfd poll_fd = {peer, POLLIN, 0};

  while (have < need) {
    ssize_t got;

    if (poll(&poll_fd, 1, timeout_ms) != 1) return NULL;
    got = read(peer, buffer + have, need - have);
    if (got <= 0) return NULL;
    have += got;
    if (have == DBUS_MINIMUM_HEADER_SIZE) need = dbus_message_demarshal_bytes_needed(buffer, have);
    if (need > (int)sizeof buffer) fail("message too large");
  }
  return dbus_message_demarshal(buffer, have, NULL);
}

void peer_send(int peer, DBusMessage* message, dbus_uint32_t serial) {
  char* bytes;
  int size;

  dbus_message_set_serial(message, serial);
  if (!dbus_message_marshal(message, &bytes, &size) || write(peer, bytes, size) != size)
    fail("peer_send");
  dbus_free(bytes);
  dbus_message_unref(message);
}

unsigned long peer_drain(int peer) {
  static char buffer[1 << 16];
  struct pollfd poll_fd = {peer, POLLIN, 0};
  unsigned long total = 0;
  ssize_t got;

  while (poll(&poll_fd, 1, 50) == 1 && (got = read(peer, buffer, sizeof buffer)) > 0) total += got;
  return total;
}

DBusMessage* new_call(void) { return dbus_message_new_method_call(NULL, "/a", "a.b", "C"); }

DBusMessage* new_signal(const char* member) { return dbus_message_new_signal("/s", "a.b", member); }

DBusMessage* new_return(dbus_uint32_t reply_serial) {
  DBusMessage* message = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);

  dbus_message_set_reply_serial(message, reply_serial);
  return message;
}

static const char* or_dash(const char* text) { return text ? text : "-"; }

void show(const char* what, DBusMessage* message) {
  const char* text = "-";

  if (!message) {
    printf("%s: none\n", what);
    return;
  }
  dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
  printf(
      "%s: %s serial %u reply to %u no_reply %d path %s %s.%s error %s to %s signature '%s' text "
      "%s\n",
      what, dbus_message_type_to_string(dbus_message_get_type(message)),
      dbus_message_get_serial(message), dbus_message_get_reply_serial(message),
      dbus_message_get_no_reply(message), or_dash(dbus_message_get_path(message)),
      or_dash(dbus_message_get_interface(message)), or_dash(dbus_message_get_member(message)),
      or_dash(dbus_message_get_error_name(message)), or_dash(dbus_message_get_destination(message)),
      dbus_message_get_signature(message), text);
  dbus_message_unref(message);
}

long long now_ms(void) {
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}
