// SPDX-License-Identifier: Apache-2.0
// Queue<T>: items from tasks to tasks, in order; readers and writers are served in order of asking.
//
//   Queue<Interrupt> queue(16);
//   co_await queue.put(interrupt);          // waits while full
//   Interrupt next = co_await queue.get();  // waits while empty
//   queue.put_nowait(interrupt);            // from plain code
// The queue must outlive the tasks that use it.
#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>
#include <optional>
#include <source_location>
#include <utility>

#include "common/error.hpp"
#include "coro/waiter.hpp"

namespace siov::coro {

template <class T>
class Queue {
 public:
  /// @param maxsize  items, 0 = no limit  @param name  for deadlock reports (a literal)
  explicit Queue(std::size_t maxsize = 0, const char* name = "Queue")
      : maxsize_(maxsize), name_(name) {}

  std::size_t size() const { return items_.size(); }
  std::size_t maxsize() const { return maxsize_; }
  bool empty() const { return items_.empty(); }
  bool full() const { return maxsize_ != 0 && items_.size() >= maxsize_; }

  /// @throws HarnessError if full
  void put_nowait(T item) {
    if (full()) throw HarnessError("put_nowait into a full Queue");
    deliver(std::move(item));
  }
  /// @throws HarnessError if empty
  T get_nowait() {
    if (items_.empty()) throw HarnessError("get_nowait from an empty Queue");
    T item = std::move(items_.front());
    items_.pop_front();
    admit();
    return item;
  }

  class GetAwaiter : public Waiter {
   public:
    GetAwaiter(Queue* queue, std::source_location where)
        : Waiter(queue->name_, where), queue_(queue) {}
    ~GetAwaiter() {
      if (item_) queue_->take_back(std::move(*item_));  // cancelled between delivery and use
    }
    bool await_ready() {
      if (queue_->items_.empty()) return false;
      item_.emplace(queue_->get_nowait());
      return true;
    }
    void await_suspend(std::coroutine_handle<> h) {
      park(h);
      queue_->getters_.push_back(*this);
    }
    T await_resume() {
      T item = std::move(*item_);
      item_.reset();
      return item;
    }

   private:
    friend class Queue;
    Queue* queue_;
    std::optional<T> item_;
  };
  class PutAwaiter : public Waiter {
   public:
    PutAwaiter(Queue* queue, T item, std::source_location where)
        : Waiter(queue->name_, where), queue_(queue), item_(std::move(item)) {}
    bool await_ready() {
      if (queue_->full()) return false;
      queue_->deliver(std::move(item_));
      return true;
    }
    void await_suspend(std::coroutine_handle<> h) {
      park(h);
      queue_->putters_.push_back(*this);
    }
    void await_resume() const {}

   private:
    friend class Queue;
    Queue* queue_;
    T item_;
  };
  class Get {
   public:
    Get(Queue* queue, std::source_location where) : queue_(queue), where_(where) {}
    GetAwaiter operator co_await() const { return GetAwaiter(queue_, where_); }

   private:
    Queue* queue_;
    std::source_location where_;
  };
  class Put {
   public:
    Put(Queue* queue, T item, std::source_location where)
        : queue_(queue), item_(std::move(item)), where_(where) {}
    PutAwaiter operator co_await() { return PutAwaiter(queue_, std::move(item_), where_); }

   private:
    Queue* queue_;
    T item_;
    std::source_location where_;
  };
  /// co_await gives the oldest item.
  Get get(std::source_location where = std::source_location::current()) { return Get(this, where); }
  /// co_await returns when the item is in the queue.
  Put put(T item, std::source_location where = std::source_location::current()) {
    return Put(this, std::move(item), where);
  }

 private:
  void deliver(T item) {
    if (GetAwaiter* const getter = static_cast<GetAwaiter*>(getters_.front())) {
      getter->item_.emplace(std::move(item));
      getters_.wake_one();
    } else {
      items_.push_back(std::move(item));
    }
  }
  void take_back(T item) {
    if (getters_.empty())
      items_.push_front(std::move(item));
    else
      deliver(std::move(item));
  }
  void admit() {
    if (full()) return;
    if (PutAwaiter* const putter = static_cast<PutAwaiter*>(putters_.front())) {
      items_.push_back(std::move(putter->item_));
      putters_.wake_one();
    }
  }

  std::size_t maxsize_;
  const char* name_;
  std::deque<T> items_;
  WaitList getters_, putters_;
};

}  // namespace siov::coro
