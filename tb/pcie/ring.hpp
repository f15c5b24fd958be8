// SPDX-License-Identifier: Apache-2.0
// Ring<T>: FIFO in one block that grows by doubling and is never given back; elements are reused,
// not destroyed.
//
//   Ring<Tlp> queue;
//   queue.push_slot() = tlp;  ...  use(queue.front());  queue.pop();
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace siov::pcie {

template <class T>
class Ring {
 public:
  explicit Ring(std::size_t capacity = 16) : slots_(capacity) {}
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return slots_[(head_ + i) % slots_.size()]; }
  T& front() { return slots_[head_]; }
  const T& front() const { return slots_[head_]; }
  /// Appends; the element holds whatever it held before.
  T& push_slot() {
    if (size_ == slots_.size()) grow();
    ++size_;
    return (*this)[size_ - 1];
  }
  void push(const T& value) { push_slot() = value; }
  void pop() {
    head_ = head_ + 1 == slots_.size() ? 0 : head_ + 1;
    --size_;
  }
  void clear() { head_ = size_ = 0; }

 private:
  void grow() {
    std::vector<T> bigger(2 * slots_.size());
    for (std::size_t i = 0; i < size_; ++i) bigger[i] = std::move((*this)[i]);
    slots_.swap(bigger);
    head_ = 0;
  }
  std::vector<T> slots_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace siov::pcie
