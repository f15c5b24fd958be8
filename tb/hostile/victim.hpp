// SPDX-License-Identifier: Apache-2.0
// Victim: an honest guest whose every result can be compared between two runs. Each of its
// operations has buffers and a record of its own, so that nothing depends on when something
// happens.
//
//   hostile::Victim victim(host_side, config);
//   co_await victim.create(manager);
//   co_await victim.open();
//   co_await victim.play(12, 0);
//   const hostile::VictimResult result = co_await victim.look();
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coro/task.hpp"
#include "guest/address_space.hpp"
#include "guest/dsa_driver.hpp"
#include "guest/interrupt_controller.hpp"
#include "guest/job.hpp"
#include "guest/machine.hpp"
#include "system/host_side.hpp"
#include "vdcm/manager.hpp"

namespace siov::hostile {

struct VictimConfig {
  std::string name;
  std::uint8_t wq = 0;
  bool shared = false;
  Pasid guest_pasid;  ///< of the process; 0: the VDEV's default space is used
  vdcm::TranslationKind kind = vdcm::TranslationKind::kFirstStage;
  Iova base{0x7F00'0000'0000};   ///< of virtual addresses
  std::uint32_t operations = 0;  ///< that can be played
  std::uint64_t seed = 1;
};

/// All that a guest can tell about its device and memory, and what the device was told of it.
struct VictimResult {
  std::string name;
  std::vector<std::array<std::byte, 32>> records;    ///< in the order of submission
  std::vector<std::array<std::uint64_t, 4>> errors;  ///< SWERROR, oldest first
  std::vector<std::uint64_t> interrupts;             ///< by vector
  std::vector<std::uint32_t> config;                 ///< configuration space
  std::vector<std::uint32_t> registers;              ///< BAR0
  std::vector<std::byte> memory;                     ///< every page, ascending
  std::vector<std::string> mismatches;               ///< operations that did not do what they say
};

/// What differs; empty if nothing does. @param alone  the result without an attack
[[nodiscard]] std::vector<std::string> differences(const VictimResult& alone,
                                                   const VictimResult& now);

class Victim {
 public:
  Victim(system::HostSide& host, VictimConfig config);
  ~Victim();

  coro::Task<> create(vdcm::Manager& manager);
  /// Probes, enables, and puts the contents of all buffers into memory.
  coro::Task<> open();
  /// Submits the next operations, a few in flight, and waits for them. @param pause_ns  before each
  coro::Task<> play(std::uint32_t count, std::uint64_t pause_ns);
  coro::Task<VictimResult> look();
  /// Drains, disables, destroys.
  coro::Task<> close(vdcm::Manager& manager);

  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] vdcm::VmId vm() const { return vm_; }
  [[nodiscard]] vdcm::VdevId id() const { return id_; }
  [[nodiscard]] vdcm::Vdev& vdev() { return *vdev_; }
  [[nodiscard]] guest::AddressSpace& space() { return space_; }
  /// Default PASID and that of the process.
  [[nodiscard]] std::vector<Pasid> host_pasids() const;
  /// PASID that its work runs with.
  [[nodiscard]] Pasid working_pasid() const;
  /// Pages of its buffers, as its device names them.
  [[nodiscard]] const std::vector<Iova>& pages() const { return pages_; }
  /// Everything it has in memory, page by page.
  [[nodiscard]] std::vector<std::byte> memory() const;
  /// Host pages behind pages().
  [[nodiscard]] std::vector<Hpa> frames() const;
  /// A page of its memory that nothing but a secret is in; the device never needs it.
  [[nodiscard]] Iova secret() const { return secret_; }

 private:
  struct Step;
  coro::Task<> run(Step& step);
  void make_batch(Step& step, std::uint64_t random);
  [[nodiscard]] Iova allocate(std::uint64_t bytes);
  void note_pages(Iova first, std::uint64_t bytes);

  system::HostSide& host_;
  VictimConfig config_;
  guest::Machine machine_;
  guest::AddressSpace space_;
  guest::InterruptController interrupts_;
  vdcm::VmId vm_ = 0;
  vdcm::VdevId id_ = 0;
  vdcm::Vdev* vdev_ = nullptr;
  std::optional<Pasid> process_;
  std::unique_ptr<guest::DsaDriver> driver_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::size_t next_ = 0;
  std::vector<Iova> pages_;
  Iova secret_;
  std::vector<std::string> mismatches_;
};

}  // namespace siov::hostile
