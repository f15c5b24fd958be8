// SPDX-License-Identifier: Apache-2.0
// FileDescriptor: owns a descriptor and closes it. Move only.
//
//   FileDescriptor fd(::eventfd(0, EFD_NONBLOCK));
//   if (!fd) ...
#pragma once

#include <unistd.h>

#include <utility>
#include <vector>

namespace siov::vfio_user {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~FileDescriptor() { reset(); }

  explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }
  /// Gives the descriptor away.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

using FileDescriptors = std::vector<FileDescriptor>;

}  // namespace siov::vfio_user
