// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusWatch and DBusTimeout: what the main loop calls.
#include "connection/watch.h"

#include "connection/timeout.h"

bool DBusWatch::handle(unsigned int condition) {
  if (fd() < 0) return true;
  return handler_(owner_, condition);
}

bool DBusTimeout::handle() {
  if (!alive_.load(std::memory_order_acquire)) return true;
  return handler_(owner_);
}
