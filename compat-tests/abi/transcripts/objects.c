/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Object paths: who is called, what callers get, what Introspect says, unregistering. */
#include "transcript.h"

static DBusConnection *service, *client;

static DBusHandlerResult handle(DBusConnection* connection, DBusMessage* message, void* data) {
  printf("  %s handles %s of %s\n", (char*)data, dbus_message_get_member(message),
         dbus_message_get_path(message));
  if (dbus_message_has_member(message, "Unregister")) {
    SHOW(dbus_connection_unregister_object_path(connection, dbus_message_get_path(message)));
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
  }
  if (dbus_message_has_member(message, "Handle")) {
    DBusMessage* reply = dbus_message_new_method_return(message);
    dbus_connection_send(connection, reply, NULL);
    dbus_message_unref(reply);
    return DBUS_HANDLER_RESULT_HANDLED;
  }
  return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void unregistered(DBusConnection* connection, void* data) {
  (void)connection;
  printf("  %s is unregistered\n", (char*)data);
}

static const DBusObjectPathVTable both = {unregistered, handle, NULL, NULL, NULL, NULL};
static const DBusObjectPathVTable neither = {NULL, NULL, NULL, NULL, NULL, NULL};
static const DBusObjectPathVTable only_unregister = {unregistered, NULL, NULL, NULL, NULL, NULL};

static void add(const char* path, const DBusObjectPathVTable* vtable, int fallback, char* data) {
  DBusError error = DBUS_ERROR_INIT;
  const dbus_bool_t added =
      fallback ? dbus_connection_try_register_fallback(service, path, vtable, data, &error)
               : dbus_connection_try_register_object_path(service, path, vtable, data, &error);
  printf("register %s: %d %s %s\n", path, (int)added, error.name ? error.name : "",
         error.message ? error.message : "");
  dbus_error_free(&error);
}

static void call(const char* path, const char* interface, const char* member) {
  DBusError error = DBUS_ERROR_INIT;
  DBusPendingCall* pending = NULL;
  const char* text = "";
  DBusMessage *message, *reply;
  printf("call %s %s %s\n", path, interface ? interface : "-", member);
  message =
      dbus_message_new_method_call(dbus_bus_get_unique_name(service), path, interface, member);
  dbus_connection_send_with_reply(client, message, &pending, 60000);
  dbus_message_unref(message);
  dbus_connection_flush(client);
  while (!dbus_pending_call_get_completed(pending)) {
    dbus_connection_read_write_dispatch(service, 20);
    dbus_connection_read_write_dispatch(client, 20);
  }
  reply = dbus_pending_call_steal_reply(pending);
  dbus_pending_call_unref(pending);
  if (dbus_set_error_from_message(&error, reply)) {
    printf("  error %s: %s\n", error.name, error.message);
    dbus_error_free(&error);
  } else {
    if (dbus_message_has_signature(reply, "s"))
      dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    printf("  reply %s: %s\n", dbus_message_get_signature(reply), text);
  }
  dbus_message_unref(reply);
}

static void introspect(const char* path) {
  call(path, DBUS_INTERFACE_INTROSPECTABLE, "Introspect");
}

static void list(const char* path) {
  char **names = NULL, **name;
  dbus_connection_list_registered(service, path, &names);
  printf("list %s:", path);
  for (name = names; name && *name; ++name) printf(" %s", *name);
  printf("\n");
  dbus_free_string_array(names);
}

static void data(const char* path) {
  void* found = "untouched";
  const dbus_bool_t known = dbus_connection_get_object_path_data(service, path, &found);
  printf("data %s: %d %s\n", path, (int)known, found ? (char*)found : "(null)");
}

int main(void) {
  static const char* const paths[] = {"/",  "/a",   "/a/b", "/a/b/c", "/a/c",     "/a/aa/z",
                                      "/f", "/f/u", "/f/x", "/f/x/y", "/f/x/y/z", "/nope"};
  size_t i;
  transcript_start();
  service = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
  client = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);

  introspect("/");
  introspect("/nope");
  call("/", "x.y", "Z");
  call("/nope", "x.y", "Z");

  add("/a/b", &both, 0, "ab");
  add("/a/b", &both, 0, "again");
  add("/a/b", &both, 1, "again");
  add("/f", &both, 1, "f");
  add("/f/x/y", &both, 0, "fxy");
  add("/a/c", &neither, 0, "ac");
  add("/a/aa/z", &only_unregister, 0, "z");
  SHOW(dbus_connection_register_object_path(service, "/a/b", &both, "again"));
  SHOW(dbus_connection_register_fallback(service, "/a/b", &both, "again"));
  for (i = 0; i < sizeof paths / sizeof paths[0]; ++i) {
    introspect(paths[i]);
    call(paths[i], "x.y", "Z");
    call(paths[i], NULL, "Z");
    list(paths[i]);
    data(paths[i]);
  }
  call("/a/b", "x.y", "Handle");
  call("/f/x", "x.y", "Handle");
  call("/a/b", NULL, "Introspect");
  add("/", &both, 0, "root");
  introspect("/");
  call("/", "x.y", "Z");
  call("/nope", "x.y", "Z");

  call("/a/nope", "x.y", "Z");
  call("/a", "x.y", "Z");
  SHOW(dbus_connection_unregister_object_path(service, "/"));
  introspect("/");
  call("/", "x.y", "Z");
  call("/nope", "x.y", "Z");
  add("/", &both, 1, "root");
  call("/nope", "x.y", "Z");
  SHOW(dbus_connection_unregister_object_path(service, "/"));
  call("/nope", "x.y", "Z");
  add("/", &neither, 0, "root");
  call("/nope", "x.y", "Z");

  SHOW(dbus_connection_unregister_object_path(service, "/nope"));
  SHOW(dbus_connection_unregister_object_path(service, "/a"));
  SHOW(dbus_connection_unregister_object_path(service, "/f/x/y"));
  list("/f");
  call("/a/b", "x.y", "Unregister");
  call("/a/b", "x.y", "Z");
  list("/a");
  SHOW(dbus_connection_register_object_path(service, "a/b", &both, "relative"));
  SHOW(dbus_connection_register_object_path(service, "", &both, "empty"));
  SHOW(dbus_connection_unregister_object_path(service, "a"));
  dbus_connection_close(service);
  printf("closed\n");
  dbus_connection_unref(service);
  printf("unreferenced\n");
  dbus_connection_close(client);
  dbus_connection_unref(client);
  dbus_shutdown();
  return 0;
}
