// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver.c - org.freedesktop.DBus: which method a call means, and replies
 *
 * Names, texts and order of errors, and what comes before or after what, are
 * dbus-daemon 1.14's as observed; docs/differences.md has the exceptions.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "alloc.h"
#include "bus.h"
#include "claim.h"
#include "driver.h"
#include "fds.h"
#include "limits.h"
#include "packet.h"
#include "peer.h"
#include "policy_bus.h"
#include "route.h"

#define DG_INTERFACE(name) "org.freedesktop.DBus" name

/* In the order in which dbus-daemon introspects them. */
static const struct dg_method dg_methods_bus[] = {
	{ "Hello", "", "s", dg_driver_hello, dg_driver_hello_after },
	{ "RequestName", "su", "u", dg_driver_request_name },
	{ "ReleaseName", "s", "u", dg_driver_release_name },
	{ "StartServiceByName", "su", "u", dg_driver_start_service },
	{ "UpdateActivationEnvironment", "a{ss}", "",
	  dg_driver_update_environment, .canonical = true, .privileged = true,
	  .quiet = true },
	{ "NameHasOwner", "s", "b", dg_driver_name_has_owner },
	{ "ListNames", "", "as", dg_driver_list_names },
	{ "ListActivatableNames", "", "as", dg_driver_list_activatable_names },
	{ "AddMatch", "s", "", dg_driver_add_match, .quiet = true },
	{ "RemoveMatch", "s", "", dg_driver_remove_match, .quiet = true },
	{ "GetNameOwner", "s", "s", dg_driver_get_name_owner },
	{ "ListQueuedOwners", "s", "as", dg_driver_list_queued_owners },
	{ "GetConnectionUnixUser", "s", "u", dg_driver_get_unix_user },
	{ "GetConnectionUnixProcessID", "s", "u", dg_driver_get_process_id },
	{ "GetAdtAuditSessionData", "s", "ay", dg_driver_get_audit_data },
	{ "GetConnectionSELinuxSecurityContext", "s", "ay",
	  dg_driver_get_selinux_context },
	{ "ReloadConfig", "", "", dg_driver_reload_config },
	{ "GetId", "", "s", dg_driver_get_id },
	{ "GetConnectionCredentials", "s", "a{sv}", dg_driver_get_credentials },
	{ }
};

static const struct dg_method dg_methods_properties[] = {
	{ "Get", "ss", "v", dg_driver_property_get },
	{ "GetAll", "s", "a{sv}", dg_driver_property_get_all },
	{ "Set", "ssv", "", dg_driver_property_set },
	{ }
};

static const struct dg_method dg_methods_introspectable[] = {
	{ "Introspect", "", "s", dg_driver_introspect },
	{ }
};

static const struct dg_method dg_methods_monitoring[] = {
	{ "BecomeMonitor", "asu", "", dg_driver_become_monitor,
	  dg_driver_become_monitor_after, .privileged = true, .quiet = true },
	{ }
};

static const struct dg_method dg_methods_stats[] = {
	{ "GetStats", "", "a{sv}", dg_driver_get_stats },
	{ "GetConnectionStats", "s", "a{sv}", dg_driver_get_connection_stats },
	{ "GetAllMatchRules", "", "a{sas}", dg_driver_get_all_match_rules },
	{ }
};

static const struct dg_method dg_methods_peer[] = {
	{ "GetMachineId", "", "s", dg_driver_get_machine_id },
	{ "Ping", "", "", dg_driver_ping, .quiet = true },
	{ }
};

const struct dg_driver_interface dg_driver_interfaces[] = {
	{
		.name = DG_INTERFACE(""),
		.methods = dg_methods_bus,
		.extra =
"    <property name=\"Features\" type=\"as\" access=\"read\">\n"
"      <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" value=\"const\"/>\n"
"    </property>\n"
"    <property name=\"Interfaces\" type=\"as\" access=\"read\">\n"
"      <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" value=\"const\"/>\n"
"    </property>\n"
"    <signal name=\"NameOwnerChanged\">\n"
"      <arg type=\"s\"/>\n"
"      <arg type=\"s\"/>\n"
"      <arg type=\"s\"/>\n"
"    </signal>\n"
"    <signal name=\"NameLost\">\n"
"      <arg type=\"s\"/>\n"
"    </signal>\n"
"    <signal name=\"NameAcquired\">\n"
"      <arg type=\"s\"/>\n"
"    </signal>\n"
"    <signal name=\"ActivatableServicesChanged\">\n"
"    </signal>\n",
	},
	{
		.name = DG_INTERFACE(".Properties"),
		.methods = dg_methods_properties,
		.extra =
"    <signal name=\"PropertiesChanged\">\n"
"      <arg type=\"s\" name=\"interface_name\"/>\n"
"      <arg type=\"a{sv}\" name=\"changed_properties\"/>\n"
"      <arg type=\"as\" name=\"invalidated_properties\"/>\n"
"    </signal>\n",
		.canonical = true,
	},
	{
		.name = DG_INTERFACE(".Introspectable"),
		.methods = dg_methods_introspectable,
	},
	{
		.name = DG_INTERFACE(".Monitoring"),
		.methods = dg_methods_monitoring,
		.canonical = true,
	},
	{
		.name = DG_INTERFACE(".Debug.Stats"),
		.methods = dg_methods_stats,
		.canonical = true,
	},
	{
		.name = DG_INTERFACE(".Peer"),
		.methods = dg_methods_peer,
	},
	{ }
};

/*
 * Delivers a message of the driver; -ENOMEM; -EDQUOT: too much is there that
 * @to has not claimed; or 0.
 */
static int dg_driver_send(struct dg_peer *to, struct dg_msg *msg,
			  enum dg_class class, gfp_t gfp)
{
	const struct dg_transit transit = {
		.msg = msg,
		.to = to,
		.requested_reply = true,
	};
	struct dg_claim *claim = NULL;
	struct sk_buff *packet;

	msg->sender = 0;
	msg->flags = DG_FLAG_NO_REPLY_EXPECTED;
	msg->serial = dg_bus_next_serial(to->bus);

	if (msg->fds) {
		claim = dg_claim_new(msg);
		if (!claim)
			return -ENOMEM;
	}
	packet = dg_packet_compose(msg, gfp);
	if (!packet) {
		dg_claim_free(claim);
		return -ENOMEM;
	}
	/* What the connection's other end says is none of the bus's. */
	if (msg->destination) {
		dg_route_to_monitors(to->bus, msg, packet, NULL, to);
		if (dg_policy_verdict(to->bus, &transit)) {
			kfree_skb(packet);
			dg_claim_free(claim);
			return 0;
		}
	}
	return dg_queue_push(to, packet, NULL, class, claim);
}

/*
 * Length of an error's text.  A text that quotes an argument can be longer than
 * a body: it is cut, between characters.
 */
static size_t dg_error_text_len(const char *text)
{
	size_t max = DBUS_GENL_ATTR_MAX - sizeof(u32) - 1;
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	for (len = max; len && (text[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

static int dg_driver_send_error(struct dg_peer *to, u32 serial,
				const char *destination, const char *error,
				const char *text, gfp_t gfp)
{
	struct dg_msg reply = {
		.type = DG_MSG_ERROR,
		.reply_serial = serial,
		.error_name = error,
		.destination = destination,
		.signature = "s",
	};
	struct {
		__u32 len;
		char text[];
	} *body;
	size_t len = dg_error_text_len(text);
	int err;

	body = kmalloc(sizeof(*body) + len + 1, gfp);
	if (!body)
		return -ENOMEM;
	body->len = len;
	memcpy(body->text, text, len);
	body->text[len] = '\0';

	reply.body = body;
	reply.body_len = sizeof(*body) + len + 1;
	err = dg_driver_send(to, &reply, DG_CLASS_ANSWER, gfp);
	kfree(body);
	return err;
}

/* An error that answers a message of @to's, which counts as refused then. */
static int dg_driver_refuse(struct dg_peer *to, u32 serial,
			    const char *destination, const char *error,
			    const char *text)
{
	int err = dg_driver_send_error(to, serial, destination, error, text,
				       DG_GFP_LOCKED);

	if (!err)
		dg_peer_refused(to, serial, error, 0);
	return err;
}

/*
 * An error about a message that @to sent: 0, or -ENOMEM.  As with dbus-daemon
 * it is sent whatever the message's type, and NO_REPLY_EXPECTED or not.
 */
int dg_driver_error(struct dg_peer *to, const struct dg_msg *msg,
		    const char *error, const char *fmt, ...)
{
	va_list args;
	char *text;
	int err;

	va_start(args, fmt);
	text = kvasprintf(GFP_KERNEL, fmt, args);
	va_end(args);
	if (!text)
		return -ENOMEM;

	err = dg_driver_refuse(to, msg->serial, to->unique, error, text);
	kfree(text);
	return err;
}

/*
 * __GFP_NOFAIL here and below: the sockets or names that it tells of are gone,
 * there is no request to fail, and who is not told hangs.  It is about a KiB.
 */
void dg_driver_no_reply(struct dg_peer *to, u32 serial, const char *error,
			const char *text)
{
	dg_driver_send_error(to, serial, to->unique, error, text,
			     DG_GFP_LOCKED | __GFP_NOFAIL);
}

/* Likewise: who calls it waits for it, and has been let wait. */
void dg_driver_reply(struct dg_peer *to, u32 serial, const u32 *value)
{
	struct dg_msg reply = {
		.type = DG_MSG_RETURN,
		.reply_serial = serial,
		.destination = to->unique,
		.signature = value ? "u" : "",
		.body = value,
		.body_len = value ? sizeof(*value) : 0,
	};

	dg_driver_send(to, &reply, DG_CLASS_ANSWER,
		       DG_GFP_LOCKED | __GFP_NOFAIL);
}

/* The next argument of a call; its signature says that it is a string. */
const char *dg_call_string(struct dg_call *call)
{
	const char *s = "";

	WARN_ON_ONCE(dg_body_iter_string(&call->args, &s, NULL));
	return s;
}

static char *dg_rejected_text(const struct dg_peer *peer,
			      const struct dg_msg *msg)
{
	u32 uid = from_kuid_munged(peer->cred->user_ns, peer->cred->euid);

	return kasprintf(GFP_KERNEL,
			 "rejected attempt to call %s by connection %s (uid=%u pid=%d comm=\"%s\") with uid %u",
			 msg->member, peer->unique, uid,
			 pid_nr_ns(peer->pid, ns_of_pid(peer->pid)),
			 peer->comm, uid);
}

/* Whether the caller may not do what concerns all; then an error is set. */
bool dg_call_unprivileged(struct dg_call *call, int *err)
{
	char *text;

	*err = 0;
	if (dg_policy_privileged(call->peer))
		return false;
	text = dg_rejected_text(call->peer, call->msg);
	*err = -ENOMEM;
	if (text)
		*err = dg_call_error(call, DG_ERROR("AccessDenied"), "%s",
				     text);
	kfree(text);
	return true;
}

/* Makes a call end in an error: 0, for the method to return; or -ENOMEM. */
int dg_call_error(struct dg_call *call, const char *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	call->text = kvasprintf(GFP_KERNEL, fmt, args);
	va_end(args);
	if (!call->text)
		return -ENOMEM;
	call->error = error;
	return 0;
}

static int dg_call_reply_too_large(struct dg_call *call,
				   const char *destination)
{
	return dg_driver_refuse(call->peer, call->msg->serial, destination,
				DG_ERROR("LimitsExceeded"),
				"The reply is larger than a message of this bus can be");
}

/* A reply with files, which are charged to who asks for them. */
static int dg_call_reply_with_fds(struct dg_call *call, struct dg_msg *reply)
{
	int err = -EDQUOT;

	reply->fds = call->fds;
	if (dg_fds_charge(reply->fds))
		err = dg_driver_send(call->peer, reply, DG_CLASS_ANSWER,
				     DG_GFP_LOCKED);
	if (err != -EDQUOT)
		return err;
	return dg_driver_refuse(call->peer, call->msg->serial,
				reply->destination, DG_ERROR("LimitsExceeded"),
				"Too many files of this bus wait to be claimed");
}

/* A reply whose body is longer than an attribute: as a file. */
static int dg_call_reply_large(struct dg_call *call, struct dg_msg *reply)
{
	int err;

	if (!call->peer->takes_fds || reply->body_len > DG_BODY_FD_SIZE_MAX)
		return dg_call_reply_too_large(call, reply->destination);

	if (!call->fds)
		call->fds = dg_fds_of_driver(call->peer->user, NULL);
	if (!call->fds)
		return -ENOMEM;
	err = dg_fds_put_body(call->fds, reply->body, reply->body_len);
	return err ?: dg_call_reply_with_fds(call, reply);
}

static int dg_call_reply(struct dg_call *call, const struct dg_method *method,
			 const char *destination)
{
	gfp_t gfp = DG_GFP_LOCKED;
	struct dg_msg reply = {
		.type = DG_MSG_RETURN,
		.reply_serial = call->msg->serial,
		.destination = destination,
		.signature = method->out,
	};

	if (call->error)
		return dg_driver_refuse(call->peer, call->msg->serial,
					destination, call->error, call->text);

	if (WARN_ON_ONCE(call->committed && call->out.err))
		return call->out.err;
	if (call->out.err == -EMSGSIZE)
		return dg_call_reply_too_large(call, destination);
	if (call->out.err)
		return call->out.err;
	/* Without a destination it is libdbus that answers, and always does. */
	if (method->quiet && destination &&
	    (call->msg->flags & DG_FLAG_NO_REPLY_EXPECTED))
		return 0;

	if (call->committed)
		gfp |= __GFP_NOFAIL;
	reply.body = call->out.data;
	reply.body_len = call->out.len;
	if (reply.body_len > DBUS_GENL_ATTR_MAX)
		return dg_call_reply_large(call, &reply);
	if (call->fds)
		return dg_call_reply_with_fds(call, &reply);
	return dg_driver_send(call->peer, &reply, DG_CLASS_ANSWER, gfp);
}

/* Calls @method; its arguments are of its types.  As dg_driver_handle(). */
static int dg_call_method(struct dg_bus *bus, struct dg_peer *from,
			  const struct dg_msg *msg, struct sk_buff *packet,
			  const struct dg_method *method,
			  const char *destination)
{
	struct dg_call call = {
		.bus = bus,
		.peer = from,
		.msg = msg,
		.packet = packet,
	};
	int err;

	dg_body_iter_init(&call.args, msg->signature, msg->body, msg->body_len);
	dg_body_writer_init(&call.out);

	err = method->call(&call);
	if (!err && !call.deferred) {
		/* Hello gives the peer the name that its reply goes to. */
		err = dg_call_reply(&call, method,
				    destination ? from->unique : NULL);
		if (!err && call.error)
			err = 1;
		if (!err && method->after)
			method->after(&call);
	}

	dg_body_writer_free(&call.out);
	dg_fds_put(call.fds);
	kfree(call.text);
	return err;
}

static const struct dg_method *dg_method_find(const struct dg_msg *msg,
					      bool *interface_known)
{
	bool canonical = !strcmp(msg->path, DG_DRIVER_PATH);
	const struct dg_driver_interface *interface;
	const struct dg_method *method;

	*interface_known = !msg->interface;
	for (interface = dg_driver_interfaces; interface->name; interface++) {
		if (interface->canonical && !canonical)
			continue;
		if (msg->interface && strcmp(msg->interface, interface->name))
			continue;
		*interface_known = true;
		for (method = interface->methods; method->name; method++)
			if (!strcmp(msg->member, method->name))
				return method;
	}
	return NULL;
}

static bool dg_is_hello(const struct dg_msg *msg)
{
	return msg->type == DG_MSG_CALL && !strcmp(msg->member, "Hello") &&
	       (!msg->interface || !strcmp(msg->interface, DG_INTERFACE("")));
}

static int dg_driver_rejected(struct dg_peer *from, const struct dg_msg *msg)
{
	char *text = dg_rejected_text(from, msg);
	int err;

	if (!text)
		return -ENOMEM;
	err = dg_driver_error(from, msg, DG_ERROR("AccessDenied"), "%s", text);
	kfree(text);
	return err;
}

/**
 * dg_driver_handle() - a peer's message for the driver
 * @bus: the bus, locked for writing
 * @from: the peer
 * @msg: the message
 * @packet: its packet, not stamped; stays the caller's
 *
 * Return: 0; 1 if it answered with an error; or an errno, and nothing has
 * happened but that monitors may have seen it.
 */
int dg_driver_handle(struct dg_bus *bus, struct dg_peer *from,
		     const struct dg_msg *msg, struct sk_buff *packet)
{
	const struct dg_method *method;
	bool interface_known;
	int err;

	/* Monitors see Hello once there is a name to tell for its sender. */
	if (from->id || !dg_is_hello(msg))
		dg_route_request_to_monitors(bus, from, msg, packet, NULL);

	if (!from->id && !dg_is_hello(msg)) {
		err = dg_driver_error(from, msg, DG_ERROR("AccessDenied"),
				      "Client tried to send a message other than Hello without being registered");
		return err ?: 1;
	}

	/* The driver listens to no signals. */
	if (msg->type != DG_MSG_CALL)
		return 0;

	method = dg_method_find(msg, &interface_known);
	if (!method) {
		err = dg_driver_error(from, msg,
				      interface_known ?
					      DG_ERROR("UnknownMethod") :
					      DG_ERROR("UnknownInterface"),
				      "org.freedesktop.DBus does not understand message %s",
				      msg->member);
		return err ?: 1;
	}

	if (method->canonical && strcmp(msg->path, DG_DRIVER_PATH)) {
		err = dg_driver_error(from, msg, DG_ERROR("AccessDenied"),
				      "Method '%s' is only available at the canonical object path '%s'",
				      msg->member, DG_DRIVER_PATH);
		return err ?: 1;
	}

	if (method->privileged && !dg_policy_privileged(from)) {
		err = dg_driver_rejected(from, msg);
		return err ?: 1;
	}

	if (strcmp(msg->signature, method->in)) {
		err = dg_driver_error(from, msg, DG_ERROR("InvalidArgs"),
				      "Call to %s has wrong args (%s, expected %s)\n",
				      msg->member, msg->signature, method->in);
		return err ?: 1;
	}

	return dg_call_method(bus, from, msg, packet, method, from->unique);
}

/*
 * What has no destination is for the bus as the other end of the connection,
 * not as org.freedesktop.DBus: in dbus-daemon, libdbus answers it, as it does
 * in any program, and the answer has no destination either.
 */
static const struct dg_method dg_methods_local[] = {
	{ "Introspect", "", "s", dg_driver_introspect },
	{ }
};

/*
 * libdbus answers what has this interface whatever its type, before dbus-daemon
 * sees it: who sends it need not have said Hello, and may be a monitor; monitors
 * do not see it.
 */
bool dg_is_for_other_end(const struct dg_msg *msg)
{
	return !msg->destination && msg->interface &&
	       !strcmp(msg->interface, DG_INTERFACE(".Peer"));
}

/* Return: 0 or an errno, as above. */
int dg_driver_handle_unaddressed(struct dg_bus *bus, struct dg_peer *from,
				 const struct dg_msg *msg)
{
	const struct dg_method *method = NULL;
	char *text;
	int err;

	if (dg_is_for_other_end(msg)) {
		for (method = dg_methods_peer; method->name; method++)
			if (msg->type == DG_MSG_CALL &&
			    !strcmp(msg->member, method->name))
				return min(0, dg_call_method(bus, from, msg,
							     NULL, method,
							     NULL));
		return dg_driver_refuse(from, msg->serial, NULL,
					DG_ERROR("UnknownMethod"),
					"Unknown method invoked on org.freedesktop.DBus.Peer interface");
	}
	if (msg->type != DG_MSG_CALL)
		return 0;

	if ((!msg->interface ||
	     !strcmp(msg->interface, DG_INTERFACE(".Introspectable"))) &&
	    !strcmp(msg->member, "Introspect"))
		return min(0, dg_call_method(bus, from, msg, NULL,
					     dg_methods_local, NULL));

	text = kasprintf(GFP_KERNEL,
			 "Method \"%s\" with signature \"%s\" on interface \"%s\" doesn't exist\n",
			 msg->member, msg->signature,
			 msg->interface ?: "(null)");
	if (!text)
		return -ENOMEM;
	err = dg_driver_refuse(from, msg->serial, NULL,
			       DG_ERROR("UnknownMethod"), text);
	kfree(text);
	return err;
}
