// SPDX-License-Identifier: Apache-2.0
// Owner: whose memory an access touches.
//
//   master.write(Owner{.pasid = Pasid{5}}, address, data);
#pragma once

#include <optional>

#include "common/types.hpp"

namespace siov::model {

struct Owner {
  std::optional<Pasid> pasid;
  bool privileged = false;
  bool ats = false;  ///< its requests are translated by the device
};

}  // namespace siov::model
