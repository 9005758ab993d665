// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c - the one place where the tracepoints of trace.h are made
 */
#include "bus.h"
#include "message.h"
#include "packet.h"
#include "peer.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
