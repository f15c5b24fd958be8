// SPDX-License-Identifier: Apache-2.0
// Reply, ReadReply: the end of a command, given once, now or later. Move only. One that is dropped
// fails the command with EIO.
//
//   void reset(Reply done) override { done.succeed(); }
#pragma once

#include <cerrno>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>

namespace siov::vfio_user {

/// Data of a read, or how anything else ended.
template <class... Value>
class BasicReply {
 public:
  /// @param error  0, or an errno value; what is given with an error is not looked at
  using Handler = std::function<void(int error, Value... value)>;

  BasicReply() = default;
  explicit BasicReply(Handler handler) : handler_(std::move(handler)) {}
  BasicReply(BasicReply&& other) noexcept : handler_(std::exchange(other.handler_, nullptr)) {}
  BasicReply& operator=(BasicReply&& other) noexcept {
    if (this != &other) {
      give(EIO, Value{}...);
      handler_ = std::exchange(other.handler_, nullptr);
    }
    return *this;
  }
  ~BasicReply() { give(EIO, Value{}...); }

  /// A second call, or a call on an empty object, does nothing.
  void succeed(Value... value) { give(0, value...); }
  /// @param error  errno value, not 0
  void fail(int error) { give(error == 0 ? EIO : error, Value{}...); }
  /// Whether the reply is still owed.
  explicit operator bool() const { return handler_ != nullptr; }

 private:
  void give(int error, Value... value) {
    if (const Handler handler = std::exchange(handler_, nullptr)) handler(error, value...);
  }

  Handler handler_;
};

using Reply = BasicReply<>;
/// The data has exactly the size that was asked for; any other size is a failure (EIO).
using ReadReply = BasicReply<std::span<const std::byte>>;

}  // namespace siov::vfio_user
