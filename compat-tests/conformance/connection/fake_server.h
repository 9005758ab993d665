/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the transcripts: a peer whose every byte the test decides. It listens on a socket, goes
 * through SASL in a thread, and then leaves the socket to the test. Messages are made and read with
 * the library's own marshalling. */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include <dbus/dbus.h>
#include <stdbool.h>

/* Connects; exit_on_disconnect is off. *peer is the server's end, after authentication and one
 * "Hello" signal. */
DBusConnection* fake_connect(int* peer, bool shared);
/* The address of the last one, which nobody listens on any more. */
extern char fake_address[];

/* A listening socket that never answers; its address. */
int silent_listener(char* address, unsigned size);

/* The next message from the connection, or NULL after the time. */
DBusMessage* peer_read(int peer, int timeout_ms);
/* Takes over the message. */
void peer_send(int peer, DBusMessage* message, dbus_uint32_t serial);
/* Reads and forgets all there is; how much. */
unsigned long peer_drain(int peer);

/* What the tests have in common. */
DBusMessage* new_call(void);
DBusMessage* new_signal(const char* member);
DBusMessage* new_return(dbus_uint32_t reply_serial);
/* Prints one; and drops it. */
void show(const char* what, DBusMessage* message);
long long now_ms(void);

#endif
