// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_activation.cpp - services that the bus starts
 *
 * What is started by most of these is a program that does nothing: an actor takes the name in its
 * place, in the very moment that the scenario says, so that the order of all that this brings can
 * be told exactly. Which names there are stands in activation.sh.
 */
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "stage.h"

namespace dg::test {

namespace {

constexpr uint8_t NO_AUTO_START = 2;

Message to(const char* name, const char* member, const Args& args = Args(), uint8_t flags = 0) {
  Message m = call(name, "/t", "t.I", member, args);
  m.flags = flags;
  return m;
}

Message start(const char* name, uint8_t flags = 0) {
  Message m = driver_call("StartServiceByName", Args().s(name).u(0));
  m.flags = flags;
  return m;
}

Message signal_to(const char* name, const char* member, const Args& args = Args()) {
  Message m = signal("/t", "t.I", member, args);
  m.destination = name;
  return m;
}

Message request(const char* name, uint32_t flags = 0) {
  return driver_call("RequestName", Args().s(name).u(flags));
}

void watch_names(Stage& s, const char* actor) {
  s.enter(actor);
  s.quietly(actor, driver_call("AddMatch", Args().s("sender='org.freedesktop.DBus'")));
}

void names(Stage& s) {
  s.enter("a");
  s.test("activation: which names");
  s.ask("a", "ListActivatableNames");
  s.ask("a", "NameHasOwner", Args().s("t.Wait"));
  s.ask("a", "GetNameOwner", Args().s("t.Wait"));
  s.ask("a", "ListQueuedOwners", Args().s("t.Wait"));
  s.test("activation: names that nobody can start");
  s.send("a", to("t.Nobody", "M"));
  s.send("a", to("t.Nobody", "M", Args(), NO_REPLY));
  s.send("a", to("t.Nobody", "M", Args(), NO_AUTO_START));
  s.send("a", signal_to("t.Nobody", "S"));
  s.send("a", start("t.Nobody"));
  s.send("a", start(":1.7777"));
  s.send("a", start("not a name"));
  s.send("a", start("org.freedesktop.DBus"));
  s.test("activation: without auto-start");
  s.send("a", to("t.Wait", "M", Args(), NO_AUTO_START));
  s.send("a", to("t.Wait", "M", Args(), NO_AUTO_START | NO_REPLY));
  s.leave_all();
}

void order(Stage& s) {
  for (const char* actor : {"a", "b", "s", "t"}) s.enter(actor);
  watch_names(s, "w");
  s.enter("e");
  s.quietly("e", driver_call("AddMatch", Args().s("eavesdrop='true',interface='t.I'")));

  s.test("activation: what waits comes in order");
  s.send("a", to("t.Wait", "First", Args().s("1")));
  s.send("b", to("t.Wait", "Second", Args().s("2")));
  s.send("b", start("t.Wait"));
  s.send("a", signal_to("t.Wait", "Third", Args().s("3")));
  s.send("a", to("t.Wait", "Fourth", Args().s("4"), NO_REPLY));
  s.send("a", start("t.Wait", NO_REPLY));
  s.send("a", start("t.Wait"));
  s.send("b", to("t.Wait", "Fifth", Args().s("5"), 4));
  s.ask("w", "NameHasOwner", Args().s("t.Wait"));
  s.send("s", to("t.Wait", "Own"));
  s.send("t", request("t.Wait2"));
  s.send("s", request("t.Wait"));

  s.test("activation: of a type that nobody knows");
  s.enter("u");
  for (const char* name : {"t.P1", "t.Denied"})
    for (uint8_t flags : {uint8_t{0}, NO_AUTO_START}) {
      Message m = to(name, "M", Args(), flags);
      m.type = 77;
      s.send("a", m);
    }
  s.send("u", request("t.P1"));
  s.leave("u");

  s.test("activation: of what runs");
  s.send("a", start("t.Wait"));
  s.send("a", start("t.Wait", NO_REPLY));
  s.send("a", to("t.Wait", "M"));

  s.test("activation: the name goes to who queues for it");
  s.send("t", request("t.Wait"));
  s.leave("s");
  s.send("a", to("t.Wait", "M"));
  s.leave("t");

  s.test("activation: once more");
  s.enter("s");
  s.send("a", to("t.Wait", "Again"));
  s.send("s", request("t.Wait"));
  s.send("s", driver_call("ReleaseName", Args().s("t.Wait")));
  s.leave_all();
}

void gone(Stage& s) {
  for (const char* actor : {"a", "b", "s"}) s.enter(actor);
  watch_names(s, "w");
  s.test("activation: who waits goes");
  s.send("a", to("t.Wait", "FromA"));
  s.send("a", start("t.Wait"));
  s.send("b", to("t.Wait", "FromB"));
  s.leave("a");
  s.send("s", request("t.Wait"));
  s.send("s", driver_call("ReleaseName", Args().s("t.Wait")));
  s.leave("s");

  s.test("activation: all who wait go");
  s.enter("a");
  s.enter("s");
  s.send("a", to("t.Wait", "M"));
  s.leave("a");
  s.send("s", request("t.Wait"));
  s.leave_all();

  s.test("activation: who waits becomes a monitor");
  for (const char* actor : {"a", "s"}) s.enter(actor);
  s.send("a", to("t.Wait", "M"));
  s.send("a", start("t.Wait"));
  s.monitor("a", {"type='error'"});
  s.send("s", request("t.Wait"));
  s.leave_all();

  s.test("activation: the caller takes the name itself");
  s.enter("a");
  s.send("a", to("t.Wait", "M"));
  s.send("a", start("t.Wait"));
  s.send("a", request("t.Wait"));
  s.leave_all();
}

void failures(Stage& s) {
  for (const char* actor : {"a", "b"}) s.enter(actor);
  watch_names(s, "w");
  for (const char* name : {"t.False", "t.Killed", "t.NoProgram", "t.NoExec"}) {
    s.test(std::string("activation: fails: ") + name);
    s.outcome("a", start(name));
    s.outcome("a", to(name, "M"));
    s.outcome("a", to(name, "M", Args(), NO_REPLY));
    s.outcome("a", start(name, NO_REPLY));
    s.outcome("a", signal_to(name, "S"));
  }
  s.test("activation: ends well and has taken no name");
  s.outcome("a", start("t.True"));
  s.test("activation: takes too long");
  s.outcome("a", to("t.Never", "M"));

  s.test("activation: takes too long for several");
  s.enter("m");
  s.monitor("m", {"type='error'"});
  s.without_waiting("a", to("t.Never", "M", Args(), NO_REPLY));
  s.without_waiting("a", driver_call("GetId"));
  s.settle();
  s.without_waiting("b", start("t.Never"));
  s.without_waiting("b", driver_call("GetId"));
  s.settle();
  s.without_waiting("a", signal_to("t.Never", "S"));
  s.outcome("a", to("t.Never", "M"));
  s.leave_all();
}

void kinds(Stage& s) {
  for (const char* actor : {"a", "s"}) s.enter(actor);
  s.test("activation: replies to a name");
  Message m;
  m.type = RETURN;
  m.reply_serial = 77;
  m.destination = "t.Wait";
  s.send("a", m);
  m.type = ERROR;
  m.error_name = "t.E";
  s.send("a", m);
  s.send("s", request("t.Wait"));
  s.leave_all();
}

void policy(Stage& s) {
  for (const char* actor : {"a", "s"}) s.enter(actor);
  watch_names(s, "w");
  s.test("activation: what the policy forbids isn't started");
  s.send("a", to("t.Denied", "M"));
  s.send("a", to("t.Denied", "M", Args(), NO_AUTO_START));
  s.send("a", signal_to("t.Denied", "S"));
  s.send("a", start("t.Denied"));
  s.send("s", request("t.Denied"));
  s.send("a", start("t.Denied"));
  s.send("s", driver_call("ReleaseName", Args().s("t.Denied")));

  s.test("activation: the policy by interface and member");
  s.send("a", to("t.Wait", "Forbidden"));
  s.send("a", to("t.Wait", "Unwelcome"));
  s.send("a", to("t.Wait", "Allowed"));
  s.send("s", request("t.Wait"));
  s.send("s", driver_call("ReleaseName", Args().s("t.Wait")));

  s.test("activation: the policy forbids it once there is an owner");
  s.send("a", to("t.Wait", "M"));
  s.send("a", to("t.Wait", "N", Args(), NO_REPLY));
  s.send("a", start("t.Wait"));
  s.send("s", request("t.Secret"));
  s.send("s", request("t.Wait"));
  s.leave_all();
}

void monitors(Stage& s) {
  for (const char* actor : {"a", "m", "s"}) s.enter(actor);
  s.test("activation: what a monitor sees");
  s.monitor("m", {});
  s.send("a", to("t.Wait", "M"));
  s.send("a", start("t.Wait"));
  s.send("a", signal_to("t.Wait", "S"));
  s.send("a", to("t.Denied", "M"));
  s.send("s", request("t.Wait"));
  s.send("s", driver_call("ReleaseName", Args().s("t.Wait")));
  s.test("activation: replies to what waited");
  const uint32_t asked = s.send("a", to("t.Wait", "M"));
  s.enter("r");
  s.send("r", request("t.Wait"));
  Message reply;
  reply.type = RETURN;
  reply.destination = s.name("a");
  reply.reply_serial = asked;
  s.send("r", reply);
  s.send("r", reply);
  s.test("activation: what a monitor sees of a failure");
  s.outcome("a", to("t.False", "M"));
  s.outcome("a", start("t.False"));
  s.leave_all();
}

void environment(Stage& s) {
  s.enter("a");
  s.quietly("a", driver_call("AddMatch", Args().s("member='NameOwnerChanged',arg0='t.Serve'")));
  auto get = [&](const char* variable) {
    s.outcome("a", to("t.Serve", "Get", Args().s(variable)));
  };
  auto leave = [&] {
    s.without_waiting("a", to("t.Serve", "Leave", Args(), NO_REPLY));
    s.await("a", "NameOwnerChanged");
  };
  auto update = [&](const std::vector<std::pair<std::string, std::string>>& variables) {
    return driver_call("UpdateActivationEnvironment", Args().ss(variables));
  };
  s.test("activation: a service's environment");
  get("DBUS_STARTER_BUS_TYPE");
  get("VARIABLE");
  leave();
  s.test("activation: UpdateActivationEnvironment");
  s.outcome("a", update({{"VARIABLE", "value"}, {"OTHER", ""}}));
  s.outcome("a", start("t.Serve"));
  get("VARIABLE");
  get("OTHER");
  leave();
  s.test("activation: UpdateActivationEnvironment, no reply wanted, and odd ones");
  Message m = update({{"VARIABLE", "new"}});
  m.flags = NO_REPLY;
  s.send("a", m);
  s.outcome("a", update({}));
  s.outcome("a", update({{"A=B", "C"}}));
  s.outcome("a", update({{"", "C"}}));
  s.outcome("a", driver_call("UpdateActivationEnvironment", Args().s("x")));
  get("VARIABLE");
  leave();
  s.leave_all();
}

// Writes a .service file into the bus's directory of them, or removes it.
void service_file(const std::string& name, const std::string& exec) {
  const char* directory = std::getenv("CONFORMANCE_SERVICES");
  std::string path = std::string(directory ? directory : "/nonexistent") + "/" + name + ".service";
  if (exec.empty()) {
    unlink(path.c_str());
    return;
  }
  std::FILE* f = std::fopen(path.c_str(), "w");
  if (!f) std::exit(2);
  std::fprintf(f, "[D-BUS Service]\nName=%s\nExec=%s\n", name.c_str(), exec.c_str());
  std::fclose(f);
}

// The bus looks at its directory, and reads it again when something has changed.
void files_changed(Stage& s) {
  s.await("w", "ActivatableServicesChanged");
  usleep(500000);
  s.settle();
}

void reload(Stage& s) {
  for (const char* actor : {"a", "s"}) s.enter(actor);
  watch_names(s, "w");
  s.test("activation: ReloadConfig");
  s.outcome("a", driver_call("ReloadConfig"));
  s.outcome("a", driver_call("ReloadConfig"));
  Message m = driver_call("ReloadConfig");
  m.flags = NO_REPLY;
  s.outcome("a", m);
  s.outcome("w", driver_call("ReloadConfig"));
  s.outcome("a", driver_call("ReloadConfig", Args().s("x")));
  s.test("activation: ReloadConfig, a new service");
  service_file("t.New", "/bin/sleep 1000");
  files_changed(s);
  s.outcome("a", driver_call("ReloadConfig"));
  s.ask("a", "ListActivatableNames");
  s.test("activation: its file goes while it is being started");
  s.send("a", to("t.New", "M"));
  service_file("t.New", "");
  files_changed(s);
  s.outcome("a", driver_call("ReloadConfig"));
  s.ask("a", "ListActivatableNames");
  s.send("a", to("t.New", "N"));
  s.send("s", request("t.New"));
  s.leave_all();
}

void many(Stage& s) {
  for (const char* actor : {"a", "s"}) s.enter(actor);
  s.test("activation: max_pending_service_starts");
  for (const char* name : {"t.P1", "t.P2", "t.P3", "t.P4", "t.P5", "t.P6", "t.P7", "t.P8", "t.P1",
                           "t.P1", "t.P1", "t.P1", "t.P1", "t.P9"})
    s.send("a", to(name, "M"));
  s.send("a", start("t.P7"));
  s.send("a", signal_to("t.P7", "S"));
  s.send("s", request("t.P1"));
  s.send("a", start("t.P9"));
  s.leave_all();
}

}  // namespace

void activation_scenarios(Stage& s) {
  names(s);
  order(s);
  gone(s);
  kinds(s);
  policy(s);
  monitors(s);
  environment(s);
  reload(s);
  failures(s);
  many(s);
}

}  // namespace dg::test
