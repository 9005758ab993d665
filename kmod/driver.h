/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * driver.h - org.freedesktop.DBus, the peer that lives in the kernel
 *
 * driver.c finds the method that a call means in tables of methods, one table
 * for each interface; the methods are in driver_*.c.
 */
#ifndef _DG_DRIVER_H
#define _DG_DRIVER_H

#include <linux/compiler_attributes.h>

#include "body.h"
#include "message.h"

struct dg_bus;
struct dg_fds;
struct dg_name_change;
struct dg_peer;
struct sk_buff;

#define DG_DRIVER_PATH		"/org/freedesktop/DBus"
#define DG_ERROR(name)		"org.freedesktop.DBus.Error." name

/**
 * struct dg_call - a call of one of the driver's methods
 * @bus: the bus, locked for writing
 * @peer: who calls
 * @msg: the call; its body has the method's signature
 * @packet: its packet, not stamped
 * @args: its arguments
 * @out: the reply's body
 * @fds: files that the values of type 'h' in @out mean; NULL: none.  For callers
 *	that take fds only
 * @error: name of the error to reply with instead; NULL: none
 * @text: its text
 * @committed: the method has changed something: the reply must not fail now
 * @deferred: there is no reply yet: it waits in a struct dg_start
 */
struct dg_call {
	struct dg_bus *bus;
	struct dg_peer *peer;
	const struct dg_msg *msg;
	struct sk_buff *packet;
	struct dg_body_iter args;
	struct dg_body_writer out;
	struct dg_fds *fds;
	const char *error;
	char *text;
	bool committed;
	bool deferred;
};

/**
 * struct dg_method - a method of the driver
 * @name: its name
 * @in: signature of its arguments
 * @out: signature of its reply
 * @call: does it.  Returns 0, with @out written or an error set by
 *	dg_call_error(); or an errno, if it has changed nothing
 * @after: for what must follow the reply; may be NULL
 * @canonical: it is refused at paths other than DG_DRIVER_PATH
 * @privileged: it is refused to all but root and the bus's user
 * @quiet: unlike other methods it does not reply where no reply is wanted
 */
struct dg_method {
	const char *name;
	const char *in;
	const char *out;
	int (*call)(struct dg_call *call);
	void (*after)(struct dg_call *call);
	bool canonical;
	bool privileged;
	bool quiet;
};

/**
 * struct dg_driver_interface - an interface of the driver
 * @name: its name
 * @methods: its methods, up to one without a name
 * @extra: what introspection says of it besides methods
 * @canonical: it is at DG_DRIVER_PATH only, not at every path
 */
struct dg_driver_interface {
	const char *name;
	const struct dg_method *methods;
	const char *extra;
	bool canonical;
};

extern const struct dg_driver_interface dg_driver_interfaces[];

/* driver_names.c, driver_match.c, driver_creds.c, driver_info.c … */
int dg_driver_hello(struct dg_call *call);
void dg_driver_hello_after(struct dg_call *call);
int dg_driver_request_name(struct dg_call *call);
int dg_driver_release_name(struct dg_call *call);
int dg_driver_name_has_owner(struct dg_call *call);
int dg_driver_get_name_owner(struct dg_call *call);
int dg_driver_list_names(struct dg_call *call);
int dg_driver_list_activatable_names(struct dg_call *call);
int dg_driver_list_queued_owners(struct dg_call *call);

int dg_driver_add_match(struct dg_call *call);
int dg_driver_remove_match(struct dg_call *call);

int dg_driver_become_monitor(struct dg_call *call);
void dg_driver_become_monitor_after(struct dg_call *call);

int dg_driver_get_stats(struct dg_call *call);
int dg_driver_get_connection_stats(struct dg_call *call);
int dg_driver_get_all_match_rules(struct dg_call *call);

int dg_driver_get_unix_user(struct dg_call *call);
int dg_driver_get_process_id(struct dg_call *call);
int dg_driver_get_credentials(struct dg_call *call);
int dg_driver_get_audit_data(struct dg_call *call);
int dg_driver_get_selinux_context(struct dg_call *call);

int dg_driver_start_service(struct dg_call *call);
int dg_driver_update_environment(struct dg_call *call);
int dg_driver_reload_config(struct dg_call *call);
int dg_driver_get_id(struct dg_call *call);
int dg_driver_ping(struct dg_call *call);
int dg_driver_get_machine_id(struct dg_call *call);
int dg_driver_introspect(struct dg_call *call);
int dg_driver_property_get(struct dg_call *call);
int dg_driver_property_get_all(struct dg_call *call);
int dg_driver_property_set(struct dg_call *call);

/* A peer's message for the driver; @unaddressed: without a destination. */
int dg_driver_handle(struct dg_bus *bus, struct dg_peer *from,
		     const struct dg_msg *msg, struct sk_buff *packet);
bool dg_is_for_other_end(const struct dg_msg *msg);
int dg_driver_handle_unaddressed(struct dg_bus *bus, struct dg_peer *from,
				 const struct dg_msg *msg);

/**
 * struct dg_subject - whom a call asks about
 * @name: the name as the call has it
 * @peer: who has it; NULL: the driver
 */
struct dg_subject {
	const char *name;
	struct dg_peer *peer;
};

bool dg_call_subject(struct dg_call *call, struct dg_subject *subject,
		     const char *what, int *err);
struct dg_match_rule *dg_call_rule(struct dg_call *call, const char *text,
				   u32 len, int *err);
u32 dg_max_rules(const struct dg_bus *bus);
int dg_call_too_many_rules(struct dg_call *call, u32 max);
int dg_call_holds_too_much(struct dg_call *call);
void dg_put_entry_u32(struct dg_body_writer *out, const char *key, u32 value);

const char *dg_call_string(struct dg_call *call);
__printf(3, 4)
int dg_call_error(struct dg_call *call, const char *error, const char *fmt,
		  ...);

/* A peer's rules or names have become more. */
void dg_stats_note_peaks(struct dg_peer *peer);
bool dg_call_unprivileged(struct dg_call *call, int *err);

/* An error in reply to a message, which need not be a call. */
__printf(4, 5)
int dg_driver_error(struct dg_peer *to, const struct dg_msg *msg,
		    const char *error, const char *fmt, ...);

/* An error to who waits for a reply that will not come.  Cannot fail. */
void dg_driver_no_reply(struct dg_peer *to, u32 serial, const char *error,
			const char *text);

/* The reply to a call that waited: @value, or nothing.  Cannot fail. */
void dg_driver_reply(struct dg_peer *to, u32 serial, const u32 *value);

/* The driver's signals; they cannot fail: what they tell of has happened. */
void dg_driver_name_changed(struct dg_bus *bus,
			    const struct dg_name_change *change);
void dg_driver_unique_name_changed(struct dg_bus *bus, struct dg_peer *peer,
				   bool gone);
void dg_driver_unique_name_acquired(struct dg_peer *peer);
void dg_driver_services_changed(struct dg_bus *bus);

#endif /* _DG_DRIVER_H */
