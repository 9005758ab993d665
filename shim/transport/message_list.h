// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MessageList: messages on their way from a transport to the connection's
// incoming queue, in order. It owns one reference to each. Kept by its user
// from call to call, so that in the long run receiving allocates nothing here.
#pragma once

#include "message/message.h"

#include <cstddef>
#include <vector>

namespace dg {

class MessageList {
public:
    MessageList() = default;
    MessageList(const MessageList &) = delete;
    MessageList &operator=(const MessageList &) = delete;
    ~MessageList() { clear(); }

    bool empty() const { return head_ == items_.size(); }
    size_t size() const { return items_.size() - head_; }

    // Takes over the caller's reference, also when it throws std::bad_alloc.
    void push(DBusMessage *owned)
    {
        try {
            items_.push_back(owned);
        } catch (...) {
            owned->unref();
            throw;
        }
    }

    // The caller gets the reference; nullptr when empty.
    DBusMessage *pop()
    {
        if (empty())
            return nullptr;
        DBusMessage *first = items_[head_++];
        if (empty()) {
            items_.clear();
            head_ = 0;
        }
        return first;
    }

    void clear()
    {
        while (DBusMessage *message = pop())
            message->unref();
    }

private:
    std::vector<DBusMessage *> items_;
    size_t head_ = 0;
};

} // namespace dg
