// SPDX-License-Identifier: Apache-2.0
// Whether a VDEV can go on elsewhere. Its own model defines what the guest sees; what backs it
// there may be able to do more, never less. @spec SIOV-H-44
#include <fmt/format.h>

#include "abi/siov_abi.hpp"
#include "vdcm/vdev_state.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint64_t field(unsigned lsb, unsigned width) {
  return ((std::uint64_t{1} << width) - 1) << lsb;
}
/// GENCAP bits that say that something is there; numbers are judged queue by queue.
constexpr std::uint64_t kFeatures = ~(field(abi::kGencapMaxXferLsb, abi::kGencapMaxXferWidth) |
                                      field(abi::kGencapMaxBatchLsb, abi::kGencapMaxBatchWidth));

void check_queue(std::size_t index, const QueueDescription& saved, const QueueDescription& there,
                 std::vector<std::string>& reasons) {
  const auto say = [&](std::string text) {
    reasons.push_back(fmt::format("queue {}: {}", index, std::move(text)));
  };
  if (saved.dedicated != there.dedicated) {
    say(fmt::format("is {}, there it would be {}", saved.dedicated ? "dedicated" : "shared",
                    there.dedicated ? "dedicated" : "shared"));
  }
  if (there.size < saved.size) say(fmt::format("has {} entries, there {}", saved.size, there.size));
  if (!saved.dedicated && saved.threshold != 0 && there.threshold == 0)
    say("the limited portal would be closed");
  if (there.max_transfer_log2 < saved.max_transfer_log2) {
    say(fmt::format("transfers of 2^{} bytes, there 2^{}", saved.max_transfer_log2,
                    there.max_transfer_log2));
  }
  if (there.max_batch_log2 < saved.max_batch_log2) {
    say(fmt::format("batches of 2^{} descriptors, there 2^{}", saved.max_batch_log2,
                    there.max_batch_log2));
  }
  if (saved.block_on_fault != there.block_on_fault) {
    say(fmt::format("block on fault is {}, there {}", saved.block_on_fault ? "on" : "off",
                    there.block_on_fault ? "on" : "off"));
  }
  if (const std::uint64_t missing = saved.operations & ~there.operations; missing != 0)
    say(fmt::format("operations {:#x} are missing there", missing));
}

}  // namespace

std::vector<std::string> incompatible(const SavedVdev& saved, const VirtualCapabilities& there,
                                      std::uint32_t page_bytes) {
  std::vector<std::string> reasons;
  const VirtualCapabilities& here = saved.capabilities;
  if (saved.page_bytes != page_bytes) {
    reasons.push_back(
        fmt::format("portal pages of {} bytes, there {}", saved.page_bytes, page_bytes));
  }
  if (there.version < here.version)
    reasons.push_back(fmt::format("version {:#x}, there {:#x}", here.version, there.version));
  if (const std::uint64_t missing = here.physical_gencap & ~there.physical_gencap & kFeatures;
      missing != 0)
    reasons.push_back(fmt::format("features {:#x} of GENCAP are missing there", missing));
  for (std::size_t i = 0; i < here.opcap.size(); ++i) {
    const std::uint64_t missing = here.opcap[i] & ~there.opcap[i];
    if (missing != 0)
      reasons.push_back(
          fmt::format("operations {:#x} of OPCAP word {} are missing there", missing, i));
  }
  if (there.vectors != here.vectors)
    reasons.push_back(fmt::format("{} vectors, there {}", here.vectors, there.vectors));
  if (there.queues.size() != here.queues.size()) {
    reasons.push_back(fmt::format("{} queues, there {}", here.queues.size(), there.queues.size()));
    return reasons;
  }
  for (std::size_t i = 0; i < here.queues.size(); ++i)
    check_queue(i, here.queues[i], there.queues[i], reasons);
  return reasons;
}

}  // namespace siov::vdcm
