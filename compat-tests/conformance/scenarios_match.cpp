// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scenarios_match.cpp - match rules: the grammar, and which messages they let through
 */
#include "stage.h"

namespace dg::test {

namespace {

void grammar(Stage& s) {
  s.enter("a");
  const std::string long_rule = "type='signal',member='" + std::string(1100, 'm') + "'";
  const std::vector<std::string> rules = {
      // what is right
      "",
      "type='signal'",
      "type=signal",
      "type='method_call'",
      "type='method_return'",
      "type='error'",
      "type='signal',",
      " type='signal'",
      "type='signal' ",
      "type='signal', interface='a.B'",
      "type = 'signal'",
      "type ='signal'",
      "type= 'signal'",
      "interface=a.B",
      "path='/a'",
      "path=/",
      "path_namespace='/a'",
      "sender=':1.5'",
      "sender='a.b'",
      "destination=':1.5'",
      "destination='a.b'",
      "member='Foo'",
      "eavesdrop='true'",
      "eavesdrop=true",
      "eavesdrop='false'",
      "arg0='x'",
      "arg63='x'",
      "arg0path='/a/'",
      "arg0path='x'",
      "arg0namespace='a.b'",
      "arg0namespace='a'",
      "arg0='it'\\''s'",
      "arg0=\\'",
      "arg0='\\'",
      "arg0=a\\b",
      "arg0=''",
      "arg0=",
      "arg0='a,b'",
      "arg0='a'b'c'",
      "arg0='x',arg1='y',arg2path='/z'",
      "arg0=x y",
      // what is wrong
      ",",
      "type",
      "type=",
      "type=''",
      "type='nothing'",
      "type='signal',type='signal'",
      "type='signal'x",
      "'",
      "type='signal",
      "=x",
      "foo='x'",
      "interface='a'",
      "interface=''",
      "interface='a..b'",
      "interface='a.B',interface='a.B'",
      "path='a'",
      "path=''",
      "path='/a/'",
      "path='/a',path='/b'",
      "path='/a',path_namespace='/a'",
      "path_namespace='a'",
      "path_namespace='/a/'",
      "path_namespace='/'",
      "sender='a'",
      "sender=''",
      "sender='a.b',sender='a.b'",
      "destination='a'",
      "destination='a.b',destination='c.d'",
      "member='a.b'",
      "member=''",
      "member='1a'",
      "member='a',member='b'",
      "eavesdrop='maybe'",
      "eavesdrop=''",
      "eavesdrop='true',eavesdrop='true'",
      "arg='x'",
      "arg64='x'",
      "arg100='x'",
      "arg-1='x'",
      "arg1x='x'",
      "arg00='x'",
      "arg01='x'",
      "argx='x'",
      "arg0='x',arg0='y'",
      "arg0='x',arg0path='/x'",
      "arg0namespace='a',arg0='a'",
      "arg0namespace='a..b'",
      "arg0namespace=''",
      "arg1namespace='a.b'",
      "arg0namespace=':1.1'",
      "arg0namespace='a.b.'",
      "arg0pathx='x'",
      "ARG0='x'",
      "Type='signal'",
      "type='SIGNAL'",
      "type='signal';member='x'",
      "type='signal',,member='x'",
      "type='signal'member='x'",
      "\ttype='signal'",
      "type='signal'\n",
      "\xc3\xa9='x'",
      long_rule,
  };
  for (auto& rule : rules) {
    s.test("rule: " + (rule.size() > 100 ? std::string("longer than 1024 bytes") : quoted(rule)));
    s.ask("a", "AddMatch", Args().s(rule));
    s.ask("a", "RemoveMatch", Args().s(rule));
  }

  s.test("rule: wrong arguments");
  s.ask("a", "AddMatch");
  s.ask("a", "AddMatch", Args().u(1));
  s.ask("a", "AddMatch", Args().s("").s(""));
  s.ask("a", "RemoveMatch");
  s.ask("a", "RemoveMatch", Args().o("/"));

  s.test("rule: added twice, removed three times; equal rules written otherwise");
  s.ask("a", "AddMatch", Args().s("type='signal',member='M',interface='i.I'"));
  s.ask("a", "AddMatch", Args().s("interface=i.I,member=M,type=signal"));
  s.ask("a", "RemoveMatch", Args().s("member='M',type='signal',interface='i.I'"));
  s.ask("a", "RemoveMatch", Args().s("type='signal',member='M'"));
  s.ask("a", "RemoveMatch", Args().s("type='signal',member='M',interface='i.I'"));
  s.ask("a", "RemoveMatch", Args().s("type='signal',member='M',interface='i.I'"));

  s.test("rule: a removal that isn't the same rule");
  s.ask("a", "AddMatch", Args().s("arg0='x'"));
  s.ask("a", "RemoveMatch", Args().s("arg0path='x'"));
  s.ask("a", "RemoveMatch", Args().s("arg1='x'"));
  s.ask("a", "RemoveMatch", Args().s("arg0='x',eavesdrop='true'"));
  s.ask("a", "RemoveMatch", Args().s("arg0='x',eavesdrop='false'"));
  s.ask("a", "RemoveMatch", Args().s("arg0='x'"));
  s.leave_all();
}

// Under each rule, which of these signals come.
void selection(Stage& s) {
  const std::vector<Message> signals = {
      signal("/", "i.I", "M"),
      signal("/a", "i.I", "M", Args().s("x")),
      signal("/a/b", "i.I", "N", Args().s("x").s("y")),
      signal("/ab", "i.J", "M", Args().s("")),
      signal("/a/b/c", "i.J", "N", Args().o("/a/b")),
      signal("/p", "i.P", "P", Args().s("/a/b/")),
      signal("/p", "i.P", "P", Args().s("/a/b")),
      signal("/p", "i.P", "P", Args().s("/a/")),
      signal("/p", "i.P", "P", Args().s("/")),
      signal("/p", "i.P", "P", Args().o("/")),
      signal("/p", "i.P", "P", Args().o("/a/b/c")),
      signal("/n", "i.N", "N", Args().s("a.b")),
      signal("/n", "i.N", "N", Args().s("a.b.c")),
      signal("/n", "i.N", "N", Args().s("a.bc")),
      signal("/n", "i.N", "N", Args().s("a")),
      signal("/n", "i.N", "N", Args().s("not a name")),
      signal("/n", "i.N", "N", Args().o("/a/b")),
      signal("/t", "i.T", "T", Args().u(1).s("x")),
      signal("/t", "i.T", "T", Args().as({"x"}).s("x")),
      signal("/t", "i.T", "T", Args().g("x")),
      signal("/t", "i.T", "T", Args().b(true).y(2).d(0.5).t(7).g("as").s("it's")),
      signal("/t", "i.T", "T", Args().s("a,b")),
  };
  const std::vector<std::string> rules = {
      "",
      "type='signal'",
      "type='method_call'",
      "interface='i.I'",
      "member='M'",
      "interface='i.I',member='M'",
      "interface='i.J',member='M'",
      "path='/a'",
      "path='/'",
      "path_namespace='/'",
      "path_namespace='/a'",
      "path_namespace='/a/b'",
      "arg0='x'",
      "arg0=''",
      "arg1='x'",
      "arg1='y'",
      "arg0='x',arg1='y'",
      "arg0='a,b'",
      "arg5='it'\\''s'",
      "arg0path='/a/b/'",
      "arg0path='/a/b'",
      "arg0path='/a/'",
      "arg0path='/a/b/c'",
      "arg0path='/'",
      "arg0path='x'",
      "arg0path=''",
      "arg0='/a/b'",
      "arg0namespace='a.b'",
      "arg0namespace='a'",
      "arg2='x'",
      "sender='t.Emitter'",
      "sender='t.Other'",
      "sender='org.freedesktop.DBus'",
      "destination='t.Emitter'",
      "eavesdrop='true'",
      "eavesdrop='true',interface='i.T'",
      "type='signal',sender='t.Emitter',path='/t',interface='i.T',member='T',arg1='x'",
  };
  for (auto& rule : rules) {
    s.test("selection: " + quoted(rule));
    s.enter("e");
    s.enter("r");
    s.quietly("e", driver_call("RequestName", Args().s("t.Emitter").u(0)));
    s.ask("r", "AddMatch", Args().s(rule));
    for (auto& m : signals) s.send("e", m);
    s.ask("r", "RemoveMatch", Args().s(rule));
    s.send("e", signals[1]);
    s.leave_all();
  }

  s.test(
      "selection: sender by unique name; by a name that changes hands; by a waiting owner's name");
  s.enter("e");
  s.enter("f");
  s.enter("r");
  s.ask("r", "AddMatch", Args().s("sender='" + s.name("e") + "',member='Unique'"));
  s.ask("r", "AddMatch", Args().s("sender='t.E',member='WellKnown'"));
  s.send("e", signal("/", "i.I", "Unique"));
  s.send("f", signal("/", "i.I", "Unique"));
  s.send("e", signal("/", "i.I", "WellKnown"));
  s.ask("e", "RequestName", Args().s("t.E").u(0));
  s.ask("f", "RequestName", Args().s("t.E").u(0));
  s.send("e", signal("/", "i.I", "WellKnown"));
  s.send("f", signal("/", "i.I", "WellKnown"));
  s.ask("e", "ReleaseName", Args().s("t.E"));
  s.send("e", signal("/", "i.I", "WellKnown"));
  s.send("f", signal("/", "i.I", "WellKnown"));
  s.leave_all();

  s.test("selection: once, however many rules match; several receivers; the sender too");
  s.enter("e");
  s.enter("r");
  s.enter("s");
  for (const char* actor : {"e", "r", "s"})
    for (const char* rule : {"type='signal'", "member='M'", "member='M'", "path='/'"})
      s.quietly(actor, driver_call("AddMatch", Args().s(rule)));
  s.send("e", signal("/", "i.I", "M"));
  s.send("e", signal("/x", "i.I", "N"));
  s.leave_all();

  s.test("selection: NameOwnerChanged of one name, of a namespace, of a name lost");
  s.enter("e");
  s.enter("r");
  s.enter("s");
  s.enter("t");
  s.ask(
      "r", "AddMatch",
      Args().s("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='a.b'"));
  s.ask("s", "AddMatch", Args().s("member='NameOwnerChanged',arg0namespace='a.b'"));
  s.ask("t", "AddMatch", Args().s("member='NameOwnerChanged',arg2=''"));
  for (const char* name : {"a.b", "a.b.c", "a.bc"}) {
    s.ask("e", "RequestName", Args().s(name).u(0));
    s.ask("e", "ReleaseName", Args().s(name));
  }
  s.leave("e");
  s.leave_all();

  s.test("selection: a match on NameAcquired and NameLost of others");
  s.enter("e");
  s.enter("r");
  s.ask("r", "AddMatch", Args().s("member='NameAcquired'"));
  s.ask("r", "AddMatch", Args().s("member='NameLost'"));
  s.ask("e", "RequestName", Args().s("a.b").u(0));
  s.ask("e", "ReleaseName", Args().s("a.b"));
  s.leave_all();
}

// What becomes of rules that name a peer by its unique name once that is gone: of "r", of "e" who
// eavesdrops, and of the monitor "m".
void gone(Stage& s) {
  auto run = [&](const std::string& title, const std::vector<std::string>& own, bool monitor) {
    s.test("gone: " + title);
    for (const char* actor : {"r", "e", "m", "x"}) s.enter(actor);
    const std::string x = "'" + s.name("x") + "'";
    const std::vector<std::string> rules = {
        "type='signal',sender=" + x,
        "type='signal',sender=" + x,
        "destination=" + x,
        "type='method_call',destination=" + x,
        "arg0=" + x,
        "member='NameOwnerChanged',arg0=" + x,
        "sender='t.X'",
        "sender=':1.99999'",
        "sender=" + x + ",destination='" + s.name("r") + "',interface='i.I',member='M'",
        "sender='" + s.name("r") + "',destination=" + x + ",path_namespace='/a'",
        "sender=" + x + ",eavesdrop='true',member='M'",
    };
    for (auto& rule : rules) s.quietly("r", driver_call("AddMatch", Args().s(rule)));
    s.quietly("e", driver_call("AddMatch", Args().s("eavesdrop='true',destination=" + x)));
    s.quietly("e", driver_call("AddMatch", Args().s("eavesdrop='true',member='NameLost'")));
    s.monitor("m", {"destination=" + x, "sender=" + x});
    s.quietly("x", driver_call("RequestName", Args().s("t.X").u(0)));
    for (auto& rule : own) s.quietly("x", driver_call("AddMatch", Args().s(rule)));
    s.send("x", signal("/a", "i.I", "M"));
    if (title.find("removed again") != std::string::npos)
      for (auto& rule : own) s.quietly("x", driver_call("RemoveMatch", Args().s(rule)));
    // By another, which sees all rules.
    auto show = [&] {
      for (const char* member : {"GetAllMatchRules", "GetConnectionStats"})
        s.send("e", call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                         "org.freedesktop.DBus.Debug.Stats", member,
                         member[3] == 'A' ? Args() : Args().s(s.name("r"))));
    };
    if (monitor) {
      s.monitor("x", {"type='error'"});
      show();
      // Of one that has lost its name, and goes after that.
      s.ask("r", "AddMatch", Args().s("sender=" + x + ",member='Late'"));
    }
    s.leave("x");
    show();
    for (auto& rule : rules) s.ask("r", "RemoveMatch", Args().s(rule));
    s.ask("r", "RemoveMatch", Args().s("sender=" + x + ",member='Late'"));
    s.leave_all();
  };
  for (bool monitor : {false, true}) {
    const std::string how = monitor ? "becomes a monitor" : "leaves";
    run("who has no rule " + how, {}, monitor);
    run("who has a rule " + how, {"type='error',member='M'"}, monitor);
    run("who had a rule, removed again, " + how, {"type='error',member='M'"}, monitor);
    run("who has several, and of itself, " + how, {"sender='t.X'", "member='M'", "arg0='x'"},
        monitor);
  }

  s.test("gone: what it frees may be added again");
  s.enter("r");
  for (int n = 0; n < 3; n++) {
    s.enter("x");
    s.quietly("x", driver_call("AddMatch", Args().s("type='error'")));
    s.ask("r", "AddMatch", Args().s("sender='" + s.name("x") + "'"));
    s.leave("x");
  }
  s.send("r", call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                   "org.freedesktop.DBus.Debug.Stats", "GetAllMatchRules"));
  s.leave_all();
}

}  // namespace

void match_scenarios(Stage& s) {
  grammar(s);
  selection(s);
  gone(s);
}

}  // namespace dg::test
