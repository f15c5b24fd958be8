// SPDX-License-Identifier: Apache-2.0
// Config: what the referee must be told because the link does not show it.
//
//   check::Config config;
//   config.memory = &iommu_view;
#pragma once

#include <cstdint>
#include <optional>

#include "common/types.hpp"
#include "coro/time.hpp"
#include "port/address_space_view.hpp"

namespace siov::check {

struct Config {
  const port::AddressSpaceView* memory =
      nullptr;                     ///< null: no data prediction (every descriptor counts as racy)
  std::optional<Pasid> rid_pasid;  ///< space of requests without PASID (VT-d RID_PASID); absent:
                                   ///< their data is not judged
  coro::SimTime period = 2000;     ///< clock period [ps]
  // Personality, until the link has shown it. The defaults are those of the default personality.
  std::uint64_t opcap = 0x1'003F'03FF;          ///< OPCAP
  std::uint64_t gencap = 0x835F'2D06;           ///< GENCAP
  std::uint64_t wqcap = 0x007B'0000'0108'0080;  ///< WQCAP
  std::uint64_t cmdcap = 0;                     ///< CMDCAP
  std::uint32_t read_buffers = 96;              ///< GRPCAP 15:8
  std::uint32_t msix_entries = 9;
  bool large_layout = false;  ///< tables at the offsets of a BAR0 of 256 KiB
  // The low 8 bits of a tag divided by this tell which engine reads. 0: they do not, and read
  // buffers are not judged.
  std::uint32_t engine_tags = 64;        ///< with 8-bit and 10-bit tags
  std::uint32_t engine_tags_short = 8;   ///< with 5-bit tags
  std::uint8_t tc_map = 0x01;            ///< traffic classes allowed beside those of GRPCFG
  std::uint32_t host_rcb = 64;           ///< read completion boundary of the root complex [bytes]
  std::uint32_t device_rcb = 128;        ///< of the device as completer [bytes]
  std::uint32_t host_max_payload = 256;  ///< largest completion payload the host sends [bytes]
  std::uint32_t max_outstanding_reads = 1024;  ///< PCIE-21
  std::uint64_t grace_cycles = 2000;  ///< TLPs already under way when an enable goes away [cycles]
  std::uint64_t posted_limit_cycles = 5000;        ///< PCIE-55: 10 us at 2 ns
  std::uint64_t deferrable_limit_cycles = 5000;    ///< PCIE-42: 10 us at 2 ns
  std::uint64_t completion_limit_cycles = 500000;  ///< PCIE-42: other requests [cycles]
  std::uint64_t device_timeout_cycles =
      25000;  ///< shortest completion timeout of the device: 50 us at 2 ns
  std::uint64_t invalidate_limit_cycles = 100000;  ///< PCIE-69 [cycles]
  std::uint64_t page_retry_cycles = 100000;        ///< PCIE-74: success to translation request
  std::uint32_t max_page_retries = 64;        ///< PCIE-74: of one page, without a grant between
  std::uint64_t no_progress_cycles = 500000;  ///< PCIE-56 [cycles]
  std::uint64_t late_data_cycles =
      20000;                   ///< data, interrupt or record that is still to come [cycles]
  bool expect_errors = false;  ///< error messages are part of the test: PCIE-92 off
  bool check_read_data =
      true;  ///< PCIE-44 on the host's completions (costs a memory look-up a read)
  bool digest = true;
};

}  // namespace siov::check
