// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libdbus.c - the stock libdbus and dbus-daemon, asked for what is right
 */
#define _GNU_SOURCE
#include "libdbus.h"

#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dbus/dbus.h>

extern char **environ;

static _Noreturn void die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

/* Validation */

bool oracle_valid(enum oracle_grammar grammar, const char *s)
{
	switch (grammar) {
	case ORACLE_PATH:
		return dbus_validate_path(s, NULL);
	case ORACLE_INTERFACE:
		return dbus_validate_interface(s, NULL);
	case ORACLE_MEMBER:
		return dbus_validate_member(s, NULL);
	case ORACLE_ERROR_NAME:
		return dbus_validate_error_name(s, NULL);
	case ORACLE_BUS_NAME:
		return dbus_validate_bus_name(s, NULL);
	case ORACLE_UTF8:
		return dbus_validate_utf8(s, NULL);
	case ORACLE_SIGNATURE:
		return dbus_signature_validate(s, NULL);
	case ORACLE_SIGNATURE_SINGLE:
		return dbus_signature_validate_single(s, NULL);
	default:
		die("no such grammar");
		return false;
	}
}

struct buffer {
	uint8_t *data;
	size_t len;
};

static void put(struct buffer *b, const void *bytes, size_t n)
{
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
}

static void put_u32(struct buffer *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static void pad(struct buffer *b, size_t alignment)
{
	while (b->len % alignment)
		b->data[b->len++] = 0;
}

/* A header field: its code, and a variant of one string. */
static void put_field(struct buffer *b, uint8_t code, char type,
		      const char *value)
{
	uint8_t start[4] = { code, 1, (uint8_t)type, 0 };
	uint8_t len = strlen(value);

	pad(b, 8);
	put(b, start, sizeof(start));
	if (type == 'g')
		put(b, &len, 1);
	else
		put_u32(b, len);
	put(b, value, len + 1);
}

/*
 * The header is written byte by byte (spec, "Message Protocol"), since
 * libdbus itself would not build a message that is wrong.
 */
bool oracle_body_valid(const char *sig, const void *body, unsigned int len)
{
	const uint16_t one = 1;
	uint8_t start[4] = { *(const uint8_t *)&one ? 'l' : 'B',
			     DBUS_MESSAGE_TYPE_SIGNAL, 0, 1 };
	struct buffer b = { .data = malloc(len + 1024) };
	DBusMessage *message;
	uint32_t fields;

	put(&b, start, sizeof(start));
	put_u32(&b, len);
	put_u32(&b, 1);
	put_u32(&b, 0);
	put_field(&b, DBUS_HEADER_FIELD_PATH, 'o', "/");
	put_field(&b, DBUS_HEADER_FIELD_INTERFACE, 's', "a.b");
	put_field(&b, DBUS_HEADER_FIELD_MEMBER, 's', "M");
	put_field(&b, DBUS_HEADER_FIELD_SIGNATURE, 'g', sig);
	fields = b.len - 16;
	memcpy(b.data + 12, &fields, sizeof(fields));
	pad(&b, 8);
	if (len)
		put(&b, body, len);
	message = dbus_message_demarshal((char *)b.data, b.len, NULL);
	if (message)
		dbus_message_unref(message);
	free(b.data);
	return message;
}

/* A bus */

struct oracle_bus {
	pid_t pid;
	char address[256];
};

struct oracle_peer {
	DBusConnection *connection;
};

struct oracle_bus *oracle_bus_start(void)
{
	char *argv[] = { "dbus-daemon", "--session", "--nofork", "--nopidfile",
			 "--print-address=1", NULL };
	posix_spawn_file_actions_t actions;
	struct oracle_bus *bus = calloc(1, sizeof(*bus));
	int pipe_fds[2], err;
	FILE *out;

	if (pipe2(pipe_fds, 0))
		die("no pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], 1);
	posix_spawn_file_actions_addclose(&actions, pipe_fds[0]);
	posix_spawn_file_actions_addclose(&actions, pipe_fds[1]);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
	err = posix_spawnp(&bus->pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fds[1]);
	if (err) {
		close(pipe_fds[0]);
		free(bus);
		return NULL;
	}
	out = fdopen(pipe_fds[0], "r");
	if (!fgets(bus->address, sizeof(bus->address), out))
		die("dbus-daemon does not say where it is");
	bus->address[strcspn(bus->address, "\n")] = 0;
	fclose(out);
	return bus;
}

void oracle_bus_stop(struct oracle_bus *bus)
{
	kill(bus->pid, SIGTERM);
	waitpid(bus->pid, NULL, 0);
	free(bus);
}

struct oracle_peer *oracle_connect(struct oracle_bus *bus)
{
	struct oracle_peer *peer = calloc(1, sizeof(*peer));

	peer->connection = dbus_connection_open_private(bus->address, NULL);
	if (!peer->connection || !dbus_bus_register(peer->connection, NULL))
		die("cannot connect to dbus-daemon");
	dbus_connection_set_exit_on_disconnect(peer->connection, false);
	return peer;
}

void oracle_close(struct oracle_peer *peer)
{
	dbus_connection_close(peer->connection);
}

void oracle_disconnect(struct oracle_peer *peer)
{
	if (dbus_connection_get_is_connected(peer->connection))
		oracle_close(peer);
	dbus_connection_unref(peer->connection);
	free(peer);
}

const char *oracle_name(const struct oracle_peer *peer)
{
	return dbus_bus_get_unique_name(peer->connection);
}

/* Call the driver with a string, and a u32 too if @flags is not NULL. */
static DBusMessage *call(struct oracle_peer *peer, const char *method,
			 const char *s, const dbus_uint32_t *flags,
			 DBusError *error)
{
	DBusMessage *message, *reply;

	message = dbus_message_new_method_call(DBUS_SERVICE_DBUS,
					       DBUS_PATH_DBUS,
					       DBUS_INTERFACE_DBUS, method);
	if (s)
		dbus_message_append_args(message, DBUS_TYPE_STRING, &s,
					 DBUS_TYPE_INVALID);
	if (flags)
		dbus_message_append_args(message, DBUS_TYPE_UINT32, flags,
					 DBUS_TYPE_INVALID);
	reply = dbus_connection_send_with_reply_and_block(peer->connection,
							  message, 10000,
							  error);
	dbus_message_unref(message);
	return reply;
}

static unsigned int call_u32(struct oracle_peer *peer, const char *method,
			     const char *name, const dbus_uint32_t *flags)
{
	DBusMessage *reply = call(peer, method, name, flags, NULL);
	dbus_uint32_t result;

	if (!reply || !dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32,
					     &result, DBUS_TYPE_INVALID))
		die(method);
	dbus_message_unref(reply);
	return result;
}

unsigned int oracle_request_name(struct oracle_peer *peer, const char *name,
				 unsigned int flags)
{
	return call_u32(peer, "RequestName", name, &flags);
}

unsigned int oracle_release_name(struct oracle_peer *peer, const char *name)
{
	return call_u32(peer, "ReleaseName", name, NULL);
}

void oracle_queued(struct oracle_peer *peer, const char *name,
		   void (*fn)(void *data, const char *owner), void *data)
{
	DBusMessage *reply = call(peer, "ListQueuedOwners", name, NULL, NULL);
	char **owners;
	int i, n;

	if (!reply)
		return;
	if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_ARRAY,
				   DBUS_TYPE_STRING, &owners, &n,
				   DBUS_TYPE_INVALID))
		die("ListQueuedOwners");
	for (i = 0; i < n; i++)
		fn(data, owners[i]);
	dbus_free_string_array(owners);
	dbus_message_unref(reply);
}

static char *call_match(struct oracle_peer *peer, const char *method,
			const char *rule)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *reply = call(peer, method, rule, NULL, &error);
	char *text = NULL;

	if (reply)
		dbus_message_unref(reply);
	else if (asprintf(&text, "%s: %s", error.name, error.message) < 0)
		die("no memory");
	dbus_error_free(&error);
	return text;
}

char *oracle_add_match(struct oracle_peer *peer, const char *rule)
{
	return call_match(peer, "AddMatch", rule);
}

char *oracle_remove_match(struct oracle_peer *peer, const char *rule)
{
	return call_match(peer, "RemoveMatch", rule);
}

unsigned int oracle_signal(struct oracle_peer *peer, const char *path,
			   const char *interface, const char *member,
			   const char *destination, const char *sig,
			   const char *const *args)
{
	const dbus_uint32_t seven = 7;
	DBusMessage *message;
	dbus_uint32_t serial;

	message = dbus_message_new_signal(path, interface, member);
	if (destination)
		dbus_message_set_destination(message, destination);
	for (; *sig; sig++) {
		if (*sig == DBUS_TYPE_UINT32)
			dbus_message_append_args(message, *sig, &seven,
						 DBUS_TYPE_INVALID);
		else
			dbus_message_append_args(message, *sig, args++,
						 DBUS_TYPE_INVALID);
	}
	if (!dbus_connection_send(peer->connection, message, &serial))
		die("cannot send");
	dbus_message_unref(message);
	return serial;
}

void oracle_sync(struct oracle_peer *peer)
{
	DBusMessage *reply = call(peer, "GetId", NULL, NULL, NULL);

	if (!reply)
		die("GetId");
	dbus_message_unref(reply);
}

void oracle_received(struct oracle_peer *peer, bool wait,
		     void (*fn)(void *data, const struct oracle_signal *signal),
		     void *data)
{
	struct oracle_signal signal;
	DBusMessage *message;
	DBusMessageIter iter;
	unsigned int i;

	for (;;) {
		message = dbus_connection_pop_message(peer->connection);
		if (!message && !wait)
			return;
		if (!message) {
			dbus_connection_read_write(peer->connection, 10000);
			continue;
		}
		wait = false;
		if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_SIGNAL) {
			memset(&signal, 0, sizeof(signal));
			signal.sender = dbus_message_get_sender(message);
			signal.serial = dbus_message_get_serial(message);
			signal.member = dbus_message_get_member(message);
			dbus_message_iter_init(message, &iter);
			for (i = 0; i < 3; i++) {
				if (dbus_message_iter_get_arg_type(&iter) ==
				    DBUS_TYPE_STRING)
					dbus_message_iter_get_basic(&iter,
								    &signal.args[i]);
				dbus_message_iter_next(&iter);
			}
			fn(data, &signal);
		}
		dbus_message_unref(message);
	}
}
