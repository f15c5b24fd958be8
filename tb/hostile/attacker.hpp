// SPDX-License-Identifier: Apache-2.0
// Attacker: a hostile guest with a VDEV of three queues: a dedicated one, a share of a shared one
// that victims use, too, and one that software plays. It does with its VDEV, its memory and its
// CPUs what it wants, and remembers everything that it reads.
//
//   coro::Task<> script(hostile::Attacker& a) {
//     const abi::Descriptor d = a.copy();
//     const auto record = co_await a.run(hostile::kDedicatedQueue, d);
//     a.expect(record && record->status == abi::kStSuccess, "the queue works");
//   }
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "abi/completion_record.hpp"
#include "abi/descriptor.hpp"
#include "coro/task.hpp"
#include "guest/address_space.hpp"
#include "guest/device_slot.hpp"
#include "guest/interrupt_controller.hpp"
#include "guest/machine.hpp"
#include "hostile/victim.hpp"
#include "system/host_side.hpp"
#include "vdcm/manager.hpp"

namespace siov::hostile {

inline constexpr std::uint8_t kDedicatedQueue = 0;
inline constexpr std::uint8_t kSharedQueue = 1;
inline constexpr std::uint8_t kSoftwareQueue = 2;
inline constexpr std::uint8_t kQueues = 3;
inline constexpr std::uint8_t kAllQueues[] = {kDedicatedQueue, kSharedQueue, kSoftwareQueue};
inline constexpr std::uint32_t kPortalStride = 0x4000;
inline constexpr std::uint32_t kLimited = 0x1000;
/// Its process; victims have the same number.
inline constexpr Pasid kGuestPasid{7};

/// Registers of its VDEV. @spec siov.md 3.2, 3.3
inline constexpr std::uint32_t kMsixperm = 0x300;
inline constexpr std::uint32_t kWqcfg = 0x500;
inline constexpr std::uint32_t kMsixTable = 0x600;
inline constexpr std::uint32_t kMsixPba = 0x700;

/// What it has to do with.
struct Surroundings {
  system::HostSide& host;
  vdcm::HostDriver& driver;
  vdcm::Vdcm& vdcm;
  vdcm::Manager& manager;
  std::vector<std::unique_ptr<Victim>>& victims;
  std::uint8_t dedicated_wq = 0;
  std::uint8_t spare_wq = 0;  ///< dedicated, nobody has it
  std::uint8_t shared_wq = 0;
  std::uint64_t seed = 1;
};

class Attacker {
 public:
  explicit Attacker(Surroundings around);
  ~Attacker();

  coro::Task<> create();
  /// Its driver's proper start: everything enabled, one interrupt handle.
  /// @return false if a command fails
  coro::Task<bool> bring_up();

  // Accesses of its CPUs. Bad offsets and sizes are the point. ------------------------------------
  coro::Task<std::uint64_t> read(std::uint64_t offset, std::uint32_t size = 4);
  void write(std::uint64_t offset, std::uint32_t size, std::uint64_t value);
  coro::Task<std::uint64_t> portal_read(std::uint64_t offset, std::uint32_t size = 4);
  void portal_write(std::uint64_t offset, std::uint32_t size, std::uint64_t value);
  coro::Task<std::uint32_t> config_read(std::uint32_t offset, std::uint32_t size = 4);
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value);
  void movdir64b(std::uint64_t offset, const port::Line& line);
  coro::Task<port::CompletionStatus> enqcmd(std::uint64_t offset, const port::Line& line);

  // Its driver ----------------------------------------------------------------------------------
  /// Writes CMD and waits, not for ever. @return CMDSTATUS; active if it does not end
  coro::Task<std::uint32_t> command(std::uint32_t code, std::uint32_t operand);
  /// A copy of kCopyBytes in its own memory with a record, all fresh.
  [[nodiscard]] abi::Descriptor copy();
  [[nodiscard]] Iova allocate(std::uint64_t bytes) { return space_.allocate(bytes); }
  /// Submits in the right way, with Retry repeated a few times.
  coro::Task<bool> submit(std::uint8_t queue, abi::Descriptor descriptor);
  /// Submits, and waits for the record, not for ever.
  coro::Task<std::optional<abi::CompletionRecord>> run(std::uint8_t queue,
                                                       abi::Descriptor descriptor,
                                                       std::uint64_t timeout_ns = 30'000);
  /// Record at an address of its memory.
  [[nodiscard]] abi::CompletionRecord record_at(Iova address) const;
  coro::Task<> wait_ns(std::uint64_t ns);
  [[nodiscard]] std::uint64_t portal(std::uint8_t queue, bool limited = true) const {
    return queue * kPortalStride + (limited ? kLimited : 0);
  }
  [[nodiscard]] std::uint16_t handle() const { return handle_; }
  [[nodiscard]] std::uint64_t draw(std::uint64_t low, std::uint64_t high);
  [[nodiscard]] port::Line random_line();

  // Its machine ---------------------------------------------------------------------------------
  [[nodiscard]] guest::AddressSpace& space() { return space_; }
  [[nodiscard]] guest::Machine& machine() { return machine_; }
  [[nodiscard]] guest::InterruptController& interrupts() { return interrupts_; }
  /// Address of the first-stage entry of its process for a page, in its memory.
  [[nodiscard]] Gpa table_entry(Iova page);
  void write_memory(Gpa at, std::uint64_t value);
  [[nodiscard]] std::uint64_t read_memory(Gpa at) const;

  // What it has found out or guessed of others. It may find it again, then. -----------------------
  [[nodiscard]] std::vector<Pasid> stolen_pasids();
  [[nodiscard]] std::vector<Hpa> stolen_frames();
  [[nodiscard]] std::vector<Iova> stolen_pages();
  /// Roots of tables of the IOMMU and of victims.
  [[nodiscard]] std::vector<Hpa> stolen_tables();
  [[nodiscard]] bool told(std::uint64_t number) const { return told_.contains(number); }

  // The host, whose management it cannot stop ----------------------------------------------------
  [[nodiscard]] Surroundings& around() { return around_; }
  [[nodiscard]] vdcm::Vdev* vdev() { return vdev_; }
  [[nodiscard]] vdcm::VmId vm() const { return vm_; }
  [[nodiscard]] vdcm::VdevId id() const { return id_; }
  [[nodiscard]] guest::DeviceSlot& slot() { return *slot_; }
  [[nodiscard]] vdcm::Space default_space();
  [[nodiscard]] vdcm::VdevRequest request(const std::string& name, std::uint8_t dedicated_wq);
  /// Its VDEV is another one from now on; nullptr: it has none.
  void set_device(vdcm::VdevId id, vdcm::Vdev* vdev);
  /// Its VM is gone.
  void forget_vm();
  [[nodiscard]] bool alive() const { return vm_alive_; }

  /// What must be so; if not, the attack has found something.
  void expect(bool holds, const std::string& what);
  [[nodiscard]] const std::vector<std::string>& findings() const { return findings_; }
  /// Values that accesses have returned, each once.
  [[nodiscard]] const std::unordered_set<std::uint64_t>& seen() const { return seen_; }
  /// Hostile accesses so far.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  static constexpr std::uint32_t kCopyBytes = 200;

 private:
  Surroundings around_;
  guest::Machine machine_;
  guest::AddressSpace space_;
  guest::InterruptController interrupts_;
  boost::random::mt19937_64 engine_;
  vdcm::VmId vm_ = 0;
  vdcm::VdevId id_ = 0;
  bool vm_alive_ = false;
  vdcm::Vdev* vdev_ = nullptr;
  std::unique_ptr<guest::DeviceSlot> slot_;
  vdcm::EmulatedQueueConfig software_;
  std::uint16_t handle_ = 0;
  std::uint32_t line_ = 0;
  std::unordered_set<std::uint64_t> seen_;
  std::unordered_set<std::uint64_t> told_;
  std::vector<std::string> findings_;
  std::uint64_t steps_ = 0;
};

}  // namespace siov::hostile
