// SPDX-License-Identifier: Apache-2.0
// Vdev::Use: counts a task that uses a VDEV, from begin to end.
//
//   const Use use(*this);
#pragma once

#include "vdcm/vdev.hpp"

namespace siov::vdcm {

class Vdev::Use {
 public:
  explicit Use(Vdev& vdev) : vdev_(vdev) { ++vdev_.uses_; }
  ~Use() {
    --vdev_.uses_;
    vdev_.use_ended_.set();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  Vdev& vdev_;
};

}  // namespace siov::vdcm
