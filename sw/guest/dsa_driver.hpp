// SPDX-License-Identifier: Apache-2.0
// DsaDriver: a guest's driver for its VDEV. Knows nothing of the host: it finds the device through
// its configuration space, reads its registers, and submits work through its portal.
//
//   guest::DsaDriver driver(*vdev, space, options);
//   co_await driver.probe();
//   co_await driver.enable();
//   const guest::Ticket ticket = co_await driver.submit(descriptor);
//   const abi::CompletionRecord record = co_await driver.wait(ticket);
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "abi/completion_record.hpp"
#include "abi/descriptor.hpp"
#include "common/types.hpp"
#include "coro/event.hpp"
#include "coro/join.hpp"
#include "coro/lock.hpp"
#include "coro/queue.hpp"
#include "coro/task.hpp"
#include "guest/address_space.hpp"
#include "guest/interrupt_controller.hpp"
#include "port/device_port.hpp"

namespace siov::guest {

struct DriverOptions {
  /// Guest PASID of the submitting process; must be given for a shared queue. Absent: the VDEV's
  /// default space.
  std::optional<Pasid> pasid;
  /// Interrupts are used when given: vector 0 for commands and errors, vector 1 for completions.
  /// A descriptor with FlagRci is then found done by its interrupt only, never by polling.
  InterruptController* interrupts = nullptr;
  std::uint32_t max_outstanding =
      32;  ///< descriptors in flight; a dedicated queue's size is a limit too
  std::uint64_t poll_interval_ns = 200;  ///< between looks at completion records
  std::uint64_t retry_min_ns = 50;       ///< first pause after Retry; doubles up to retry_max_ns
  std::uint64_t retry_max_ns = 1600;
  std::uint64_t command_timeout_ns = 5'000'000;
  /// Work queues of the VDEV to use, from 0 up; submissions go to them in turn.
  std::uint8_t queues = 1;
  bool limited_portal = true;  ///< page 1 of BAR2; page 0 otherwise
  /// Records lie in pages that stay: the device could not ask for them (dsa.md 5.7).
  bool pinned_records = false;
};

/// A submitted descriptor. Give each one to wait() once.
struct Ticket {
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
};

/// What the guest sees of its device after probe(). @spec siov.md 3.3
struct VdevInfo {
  std::uint32_t version = 0;
  std::uint64_t gencap = 0;
  std::uint64_t wqcap = 0;
  std::uint64_t opcap = 0;  ///< low 64 bits
  std::uint32_t cmdcap = 0;
  bool dedicated = false;          ///< mode of queue 0
  std::uint16_t wq_size = 0;       ///< of queue 0
  std::uint64_t max_transfer = 0;  ///< [bytes] of every queue in use, as below
  std::uint32_t max_batch = 0;     ///< members
  bool block_on_fault = false;     ///< of the queue
};

/// How submit() treats a descriptor.
struct SubmitOptions {
  bool own_handle = false;    ///< the interrupt handle is the caller's; the record is looked for
  bool stray_record = false;  ///< the record address is misaligned: no record will come
};

class DsaDriver {
 public:
  DsaDriver(port::DevicePort& vdev, AddressSpace& space, DriverOptions options = DriverOptions{});
  ~DsaDriver();
  DsaDriver(const DsaDriver&) = delete;
  DsaDriver& operator=(const DsaDriver&) = delete;

  /// Finds capabilities, sets BARs, reads registers. @throws vdcm::DriverError if this is no device
  /// it knows
  coro::Task<> probe();
  /// PASID, ATS, PRI and bus master on, interrupts set up, queue configured, Enable Device, Enable
  /// WQ, interrupt handle.
  /// @throws vdcm::DriverError with the command's error code
  coro::Task<> enable();

  /// Waits for a free slot, sets completion address, PASID and handle, submits; a shared queue's
  /// Retry is tried again after a pause. The caller sets opcode, operands, and FlagRci if it wants
  /// an interrupt.
  coro::Task<Ticket> submit(abi::Descriptor descriptor);
  coro::Task<Ticket> submit(abi::Descriptor descriptor, SubmitOptions how);
  /// Submits with a misaligned record address and waits for the error report with that address.
  /// One at a time, because SWERROR keeps only the first error.
  /// @return false if none came in time
  coro::Task<bool> submit_stray(abi::Descriptor descriptor, std::uint64_t timeout_ns);
  /// Waits for the completion record and gives it out; frees the slot.
  coro::Task<abi::CompletionRecord> wait(Ticket ticket);
  /// Drain WQ command: everything submitted before is complete when it returns.
  coro::Task<> drain();
  /// Disable WQ, Disable Device, release the handle.
  coro::Task<> disable();
  /// One device command. @return CMDSTATUS without the active bit: error 7:0, result 23:8
  coro::Task<std::uint32_t> command(std::uint8_t code, std::uint32_t operand);

  [[nodiscard]] const VdevInfo& info() const { return info_; }
  [[nodiscard]] std::uint16_t interrupt_handle() const { return handle_; }
  [[nodiscard]] std::uint64_t retries() const { return retries_; }
  [[nodiscard]] std::uint64_t submitted() const { return submitted_; }
  [[nodiscard]] std::uint64_t completion_interrupts() const { return completion_interrupts_; }
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
  /// Times that the device said that interrupt handles were revoked.
  [[nodiscard]] std::uint64_t revocations() const { return revocations_; }
  /// Descriptors that were refused because of an old handle and went again with the new one. Each
  /// may have left an error report behind.
  [[nodiscard]] std::uint64_t resubmitted() const { return resubmitted_; }
  /// Times that SWERROR said that it has lost errors.
  [[nodiscard]] std::uint64_t error_overflows() const { return error_overflows_; }
  /// SWERROR words the device reported, oldest first.
  [[nodiscard]] const std::vector<std::array<std::uint64_t, 4>>& errors() const { return errors_; }

 private:
  /// A place for one completion record.
  struct Slot {
    explicit Slot(Iova record_address) : address(record_address) {}
    Iova address;
    std::byte* bytes = nullptr;               ///< as the CPU sees it, see record_of()
    std::uint64_t moves = ~std::uint64_t{0};  ///< of the space when bytes was found
    coro::Event done{"completion record"};
    std::uint64_t sequence = 0;
    bool busy = false;
    bool by_interrupt = false;
    std::uint8_t queue = 0;  ///< that the descriptor went to
    bool refused = false;    ///< its record says that the handle is wrong
    port::Line line{};       ///< as submitted, when by_interrupt
    bool stray = false;      ///< no record will come
  };
  /// Where things are, found by probe().
  struct Offsets {
    std::uint32_t msix = 0, ats = 0, pri = 0, pasid = 0;    ///< configuration space
    std::uint32_t wqcfg = 0, msixperm = 0, msix_table = 0;  ///< BAR0
  };
  coro::Task<std::uint64_t> read(std::uint32_t offset, std::uint32_t size);
  void write(std::uint32_t offset, std::uint32_t size, std::uint64_t value);
  coro::Task<std::uint32_t> config_read(std::uint32_t offset, std::uint32_t size);
  coro::Task<> config_write(std::uint32_t offset, std::uint32_t size, std::uint32_t value);
  coro::Task<> place_bars();
  coro::Task<> read_registers();
  coro::Task<> enable_pasid();
  coro::Task<> enable_interrupts();
  coro::Task<> configure_wq();
  coro::Task<> expect_command(std::uint8_t code, std::uint32_t operand, const char* what);
  coro::Task<> misc_interrupts();
  coro::Task<> read_error();
  coro::Task<> poll_records();
  coro::Task<port::CompletionStatus> send_shared(std::uint8_t queue, const port::Line& line);
  [[nodiscard]] std::uint32_t all_queues() const { return (1U << queues_.size()) - 1; }
  void make_slots();
  [[nodiscard]] std::byte* record_of(Slot& slot) const;
  void clear_record(Slot& slot);
  void scan_records(bool by_interrupt);
  void completion_interrupt();
  // dsa_driver_handles.cpp
  void renew_soon(bool acknowledge);
  coro::Task<> release_handle();
  coro::Task<> renew_handles();
  coro::Task<> request_handle();
  coro::Task<> send_again(std::uint32_t index);
  void release(Slot& slot, std::uint32_t index);
  std::uint64_t next_portal(std::uint8_t queue);

  port::DevicePort& vdev_;
  AddressSpace& space_;
  DriverOptions options_;
  VdevInfo info_;
  /// A work queue in use.
  struct QueueInfo {
    bool dedicated = false;
    std::uint16_t size = 0;
  };
  std::vector<QueueInfo> queues_;
  std::uint8_t next_queue_ = 0;
  Offsets at_;
  std::vector<std::unique_ptr<Slot>> slots_;
  coro::Queue<std::uint32_t> free_slots_;
  coro::Lock command_lock_;
  coro::Lock stray_lock_;
  coro::Event error_event_;
  coro::Event misc_event_;
  coro::Event command_event_;
  coro::JoinHandle poller_;
  coro::JoinHandle misc_task_;
  coro::Event may_submit_;  ///< not while handles are being renewed
  coro::JoinHandle renewal_;
  bool renewing_ = false;
  bool renew_again_ = false;
  bool acknowledge_ = false;  ///< the device waits to hear that its revocation was noticed
  bool poller_runs_ = false;
  bool interrupts_connected_ = false;
  std::uint8_t misc_vector_ = 0;
  std::uint8_t data_vector_ = 0;
  std::uint16_t handle_ = 0;
  std::uint32_t outstanding_ = 0;
  std::uint32_t polled_ = 0;  ///< outstanding, not yet seen done, found by polling
  std::uint32_t portal_slot_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t retries_ = 0;
  std::uint64_t submitted_ = 0;
  std::uint64_t completion_interrupts_ = 0;
  std::uint64_t error_overflows_ = 0;
  std::uint64_t revocations_ = 0;
  std::uint64_t resubmitted_ = 0;
  std::vector<std::array<std::uint64_t, 4>> errors_;
};

}  // namespace siov::guest
