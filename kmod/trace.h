/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - tracepoints: events/dbus_genl/ of tracefs
 *
 * dg_connect and dg_release: a peer comes and goes.  dg_send: a peer sends a
 * valid message.  Then for each receiver one of dg_deliver, into its socket,
 * dg_queue, into its overflow queue, and dg_drop: it loses a signal, or a
 * monitor what it was to see.  dg_expire: a receiver loses a message's files.
 * dg_refuse: the bus did not do what a message wanted; its sender gets an errno
 * or an error message.  Peers are told by their number, which they have from
 * CONNECT on, and their id, 0 before Hello.  Uids and pids are those of the
 * initial namespaces.  All cost a jump that is patched out while they are off.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dbus_genl

#if !defined(_DG_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DG_TRACE_H

#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>

#include "bus.h"
#include "compat/compat.h"
#include "fds.h"
#include "message.h"
#include "packet.h"
#include "peer.h"

TRACE_EVENT(dg_connect,
	TP_PROTO(const struct dg_peer *peer),
	TP_ARGS(peer),
	TP_STRUCT__entry(
		__string(bus, peer->bus->name)
		__field(u32, bus_uid)
		__field(u64, peer)
		__field(u32, uid)
		__field(s32, pid)
		__array(char, comm, TASK_COMM_LEN)
	),
	TP_fast_assign(
		dg_compat_assign_str(bus, peer->bus->name);
		__entry->bus_uid = from_kuid(&init_user_ns, peer->bus->uid);
		__entry->peer = peer->number;
		__entry->uid = from_kuid(&init_user_ns, peer->cred->euid);
		__entry->pid = pid_nr(peer->pid);
		memcpy(__entry->comm, peer->comm, TASK_COMM_LEN);
	),
	TP_printk("bus=%s bus_uid=%u peer=%llu uid=%u pid=%d comm=%s",
		  __get_str(bus), __entry->bus_uid, __entry->peer,
		  __entry->uid, __entry->pid, __entry->comm)
);

TRACE_EVENT(dg_release,
	TP_PROTO(const struct dg_peer *peer, unsigned int reason),
	TP_ARGS(peer, reason),
	TP_STRUCT__entry(
		__string(bus, peer->bus->name)
		__field(u32, bus_uid)
		__field(u64, peer)
		__field(u64, id)
		__field(unsigned int, reason)
		__field(u64, sent)
		__field(u64, received)
		__field(u64, dropped)
	),
	TP_fast_assign(
		dg_compat_assign_str(bus, peer->bus->name);
		__entry->bus_uid = from_kuid(&init_user_ns, peer->bus->uid);
		__entry->peer = peer->number;
		__entry->id = peer->id;
		__entry->reason = reason;
		__entry->sent = atomic64_read(&peer->counters.sent);
		__entry->received = atomic64_read(&peer->counters.received);
		__entry->dropped = atomic64_read(&peer->counters.dropped);
	),
	TP_printk("bus=%s bus_uid=%u peer=%llu id=%llu reason=%u sent=%llu received=%llu dropped=%llu",
		  __get_str(bus), __entry->bus_uid, __entry->peer, __entry->id,
		  __entry->reason, __entry->sent, __entry->received,
		  __entry->dropped)
);

TRACE_EVENT(dg_send,
	TP_PROTO(const struct dg_peer *peer, const struct dg_msg *msg),
	TP_ARGS(peer, msg),
	TP_STRUCT__entry(
		__string(bus, peer->bus->name)
		__string(destination, msg->destination ?: "")
		__string(interface, msg->interface ?: "")
		__string(member, msg->member ?: "")
		__field(u32, bus_uid)
		__field(u64, peer)
		__field(u64, id)
		__field(u32, serial)
		__field(u32, reply_serial)
		__field(u8, type)
		__field(u8, flags)
		__field(u32, body)
		__field(u32, fds)
	),
	TP_fast_assign(
		dg_compat_assign_str(bus, peer->bus->name);
		dg_compat_assign_str(destination, msg->destination ?: "");
		dg_compat_assign_str(interface, msg->interface ?: "");
		dg_compat_assign_str(member, msg->member ?: "");
		__entry->bus_uid = from_kuid(&init_user_ns, peer->bus->uid);
		__entry->peer = peer->number;
		__entry->id = READ_ONCE(peer->id);
		__entry->serial = msg->serial;
		__entry->reply_serial = msg->reply_serial;
		__entry->type = msg->type;
		__entry->flags = msg->flags;
		__entry->body = msg->fds && msg->fds->body ?
				msg->fds->body_len : msg->body_len;
		__entry->fds = msg->fds ? msg->fds->n : 0;
	),
	TP_printk("bus=%s bus_uid=%u peer=%llu id=%llu serial=%u reply_serial=%u type=%u flags=%#x destination=%s interface=%s member=%s body=%u fds=%u",
		  __get_str(bus), __entry->bus_uid, __entry->peer, __entry->id,
		  __entry->serial, __entry->reply_serial, __entry->type,
		  __entry->flags, __get_str(destination), __get_str(interface),
		  __get_str(member), __entry->body, __entry->fds)
);

/* What becomes of a message for one receiver; sender 0 is the driver. */
DECLARE_EVENT_CLASS(dg_packet,
	TP_PROTO(const struct dg_peer *to, const struct dg_packet_id *id),
	TP_ARGS(to, id),
	TP_STRUCT__entry(
		__string(bus, to->bus->name)
		__field(u32, bus_uid)
		__field(u64, peer)
		__field(u64, id)
		__field(u64, sender)
		__field(u32, serial)
		__field(u32, bytes)
	),
	TP_fast_assign(
		dg_compat_assign_str(bus, to->bus->name);
		__entry->bus_uid = from_kuid(&init_user_ns, to->bus->uid);
		__entry->peer = to->number;
		__entry->id = to->id;
		__entry->sender = id->sender;
		__entry->serial = id->serial;
		__entry->bytes = id->bytes;
	),
	TP_printk("bus=%s bus_uid=%u peer=%llu id=%llu sender=%llu serial=%u bytes=%u",
		  __get_str(bus), __entry->bus_uid, __entry->peer, __entry->id,
		  __entry->sender, __entry->serial, __entry->bytes)
);

DEFINE_EVENT(dg_packet, dg_deliver,
	TP_PROTO(const struct dg_peer *to, const struct dg_packet_id *id),
	TP_ARGS(to, id)
);

DEFINE_EVENT(dg_packet, dg_queue,
	TP_PROTO(const struct dg_peer *to, const struct dg_packet_id *id),
	TP_ARGS(to, id)
);

DEFINE_EVENT(dg_packet, dg_drop,
	TP_PROTO(const struct dg_peer *to, const struct dg_packet_id *id),
	TP_ARGS(to, id)
);

TRACE_EVENT(dg_expire,
	TP_PROTO(const struct dg_peer *to, u64 sender, u32 serial,
		 unsigned int fds),
	TP_ARGS(to, sender, serial, fds),
	TP_STRUCT__entry(
		__string(bus, to->bus->name)
		__field(u32, bus_uid)
		__field(u64, peer)
		__field(u64, id)
		__field(u64, sender)
		__field(u32, serial)
		__field(unsigned int, fds)
	),
	TP_fast_assign(
		dg_compat_assign_str(bus, to->bus->name);
		__entry->bus_uid = from_kuid(&init_user_ns, to->bus->uid);
		__entry->peer = to->number;
		__entry->id = to->id;
		__entry->sender = sender;
		__entry->serial = serial;
		__entry->fds = fds;
	),
	TP_printk("bus=%s bus_uid=%u peer=%llu id=%llu sender=%llu serial=%u fds=%u",
		  __get_str(bus), __entry->bus_uid, __entry->peer, __entry->id,
		  __entry->sender, __entry->serial, __entry->fds)
);

TRACE_EVENT(dg_refuse,
	TP_PROTO(const struct dg_peer *peer, u32 serial, const char *error,
		 int err),
	TP_ARGS(peer, serial, error, err),
	TP_STRUCT__entry(
		__string(bus, peer->bus->name)
		__string(error, error)
		__field(u32, bus_uid)
		__field(u64, peer)
		__field(u64, id)
		__field(u32, serial)
		__field(int, err)
	),
	TP_fast_assign(
		dg_compat_assign_str(bus, peer->bus->name);
		dg_compat_assign_str(error, error);
		__entry->bus_uid = from_kuid(&init_user_ns, peer->bus->uid);
		__entry->peer = peer->number;
		__entry->id = READ_ONCE(peer->id);
		__entry->serial = serial;
		__entry->err = err;
	),
	TP_printk("bus=%s bus_uid=%u peer=%llu id=%llu serial=%u error=%s errno=%d",
		  __get_str(bus), __entry->bus_uid, __entry->peer, __entry->id,
		  __entry->serial, __get_str(error), __entry->err)
);

#endif /* _DG_TRACE_H */

/* It lies beside the module's sources, which are in the include path. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
