// SPDX-License-Identifier: Apache-2.0
// FakeDevice: the device's end of ATS: remembers what it was sent, answers when told to.
//
//   FakeDevice device(bench.unit);
//   device.complete(device.invalidates[0]);
#pragma once

#include <vector>

#include "iommu/iommu.hpp"
#include "port/ats_port.hpp"

namespace siov::iommu::test {

struct FakeDevice final : port::AtsDevicePort {
  explicit FakeDevice(Iommu& host) : unit(host) { unit.set_device_port(this); }
  void invalidate(const port::InvalidateRequest& request) override {
    invalidates.push_back(request);
  }
  void page_group_response(const port::PageGroupResponse& response) override {
    responses.push_back(response);
  }
  void complete(const port::InvalidateRequest& request, std::uint8_t count = 1) {
    unit.invalidate_completion({request.device, std::uint32_t{1} << request.itag, count});
  }

  Iommu& unit;
  std::vector<port::InvalidateRequest> invalidates;
  std::vector<port::PageGroupResponse> responses;
};

}  // namespace siov::iommu::test
