// SPDX-License-Identifier: Apache-2.0
// HostImage: registers of the physical function that no guest may reach, as the host reads them.
//
//   const hostile::HostImage before = co_await hostile::HostImage::take(driver, victims);
//   ... an attack ...
//   const hostile::HostImage after = co_await hostile::HostImage::take(driver, victims);
//   report(before.differences(after));
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coro/task.hpp"
#include "hostile/victim.hpp"
#include "vdcm/host_driver.hpp"

namespace siov::hostile {

class HostImage {
 public:
  /// Configuration space controls, general configuration, groups, queues of the victims, their
  /// interrupt entries. @spec SIOV-D-15, SIOV-D-16, SIOV-D-32
  static coro::Task<HostImage> take(vdcm::HostDriver& driver,
                                    const std::vector<std::unique_ptr<Victim>>& victims);
  [[nodiscard]] std::vector<std::string> differences(const HostImage& later) const;

 private:
  std::vector<std::pair<std::string, std::uint64_t>> values_;
};

}  // namespace siov::hostile
