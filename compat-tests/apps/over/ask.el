;;; ask.el --- Emacs's D-Bus in batch: calls, properties, a method and a signal  -*- lexical-binding: t -*-
;; SPDX-License-Identifier: LGPL-2.1-or-later

(require 'dbus)

(defvar ask-seen nil)
(defun ask-say (format &rest args) (princ (apply #'format (concat format "\n") args)))

(ask-say "owner: %s" (dbus-get-name-owner :session dbus-service-dbus))
(ask-say "names: %s" (and (member dbus-service-dbus (dbus-list-names :session)) t))
(ask-say "system: %s" (and (member dbus-service-dbus (dbus-list-names :system)) t))
(ask-say "features: %S" (dbus-get-property :session dbus-service-dbus dbus-path-dbus dbus-interface-dbus "Features"))
(ask-say "ping: %S" (dbus-ping :session dbus-service-dbus 2000))

;; Its own service, asked through the bus: the reply comes while it waits in its main loop.
(dbus-register-signal :session dbus-service-dbus dbus-path-dbus dbus-interface-dbus "NameOwnerChanged"
                      (lambda (name old new)
                        (when (and (equal name "org.example.Emacs") (equal old "") (not (equal new "")))
                          (setq ask-seen name)))
                      "org.example.Emacs")
(dbus-register-method :session "org.example.Emacs" "/org/example/Emacs" "org.example.Emacs" "Echo"
                      (lambda (text) (concat "b" text)))
(let (answer)
  (dbus-call-method-asynchronously :session "org.example.Emacs" "/org/example/Emacs" "org.example.Emacs" "Echo"
                                   (lambda (text) (setq answer text)) :timeout 10000 "ack")
  (with-timeout (15) (while (not (and answer ask-seen)) (read-event nil nil 0.05)))
  (ask-say "echo: %s" answer)
  (ask-say "signal: %s" ask-seen))
(condition-case err
    (dbus-call-method :session "org.example.Nobody" "/" "a.B" "C" :timeout 3000)
  (dbus-error (ask-say "error: %s" (cadr err))))
