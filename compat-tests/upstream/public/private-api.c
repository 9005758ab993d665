/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What private-api.h declares, but the main loop. */
#include "private-api.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "test-utils.h"

dbus_bool_t _dbus_string_init(DBusString* string) {
  string->text = calloc(1, 1);
  string->length = 0;
  return string->text != NULL;
}

void _dbus_string_init_const_len(DBusString* string, const char* text, int length) {
  string->text = (char*)text;
  string->length = length;
}

const char* _dbus_string_get_const_data(const DBusString* string) { return string->text; }

void _dbus_string_free(DBusString* string) {
  free(string->text);
  string->text = NULL;
}

void _dbus_pipe_init_stdout(DBusPipe* pipe) { pipe->fd = STDOUT_FILENO; }

void _dbus_fd_set_close_on_exec(int fd) { fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) | FD_CLOEXEC); }

int _dbus_write_socket_with_unix_fds(DBusSocket socket, const DBusString* buffer, int start,
                                     int length, const int* fds, int n_fds) {
  struct iovec text = {buffer->text + start, length};
  struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};
  size_t size = n_fds * sizeof(int);
  ssize_t written;

  message.msg_controllen = CMSG_SPACE(size);
  message.msg_control = calloc(1, message.msg_controllen);
  CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
  CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
  CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, size);
  written = sendmsg(socket.fd, &message, MSG_NOSIGNAL);
  free(message.msg_control);
  return written;
}

void _dbus_get_monotonic_time(long* seconds, long* microseconds) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  *seconds = now.tv_sec;
  *microseconds = now.tv_nsec / 1000;
}

void _dbus_sleep_milliseconds(int milliseconds) { usleep(milliseconds * 1000); }

DBusCredentials* _dbus_connection_get_credentials(DBusConnection* connection) {
  return dbus_connection_get_is_authenticated(connection) ? connection : NULL;
}

dbus_bool_t _dbus_credentials_to_string_append(DBusCredentials* credentials, DBusString* string) {
  unsigned long uid, pid;
  dbus_bool_t has_uid = dbus_connection_get_unix_user(credentials, &uid);
  dbus_bool_t has_pid = dbus_connection_get_unix_process_id(credentials, &pid);
  char text[80];

  snprintf(text, sizeof(text), "uid=%ld pid=%ld", has_uid ? (long)uid : -1,
           has_pid ? (long)pid : -1);
  free(string->text);
  string->text = strdup(text);
  string->length = strlen(text);
  return string->text != NULL;
}

/* The descriptors that a test had open, to find those it leaves behind. */
struct DBusInitialFDs {
  int count;
  int fds[1024];
};

static struct DBusInitialFDs* list_fds(void) {
  struct DBusInitialFDs* list = calloc(1, sizeof(*list));
  DIR* directory = opendir("/proc/self/fd");
  struct dirent* entry;

  assert(list && directory);
  while ((entry = readdir(directory))) {
    int fd = atoi(entry->d_name);

    if (entry->d_name[0] != '.' && fd > 2 && fd != dirfd(directory) && list->count < 1024)
      list->fds[list->count++] = fd;
  }
  closedir(directory);
  return list;
}

DBusInitialFDs* _dbus_check_fdleaks_enter(void) { return list_fds(); }

void _dbus_check_fdleaks_leave(DBusInitialFDs* before, const char* context) {
  DBusInitialFDs* now = list_fds();

  for (int i = 0; i < now->count; i++) {
    int known = 0;

    for (int j = 0; j < before->count; j++) known |= before->fds[j] == now->fds[i];
    if (!known) {
      fprintf(stderr, "descriptor %d is left open by %s\n", now->fds[i], context);
      abort();
    }
  }
  free(now);
  free(before);
}
