// SPDX-License-Identifier: Apache-2.0
// AttachRig: one device (the C++ model) with guests attached to it, each with shared memory, a
// monitor, a vfio-user client and what a driver does with them. Real time does not matter.
//
//   AttachRig rig(AttachRig::kVdev, 2);
//   GuestSide& guest = rig.guest(0);
//   guest.connect();
//   guest.map(0, 8 << 20);
//   guest.start_queue(std::nullopt);
//   guest.submit(descriptor);
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "abi/descriptor.hpp"
#include "attach/endpoint.hpp"
#include "attach/host_function.hpp"
#include "attach/vdev_function.hpp"
#include "client.hpp"
#include "fake_monitor.hpp"
#include "system/device_side.hpp"
#include "system/host_side.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/manager.hpp"

namespace siov::attach::test {

class AttachRig;

/// QEMU and the guest in it.
class GuestSide {
 public:
  static constexpr std::uint64_t kRam = std::uint64_t{8} << 20;

  GuestSide(AttachRig& rig, std::string directory, bool monitor);
  ~GuestSide();

  // The client.
  void connect();
  /// As SIGKILL does it.
  void vanish();
  vfio_user::test::Received ask(std::uint16_t command, const vfio_user::test::Bytes& payload,
                                std::initializer_list<int> fds = {});
  std::uint64_t read(std::uint32_t region, std::uint64_t offset, std::uint32_t bytes);
  void write(std::uint32_t region, std::uint64_t offset, std::uint32_t bytes, std::uint64_t value);
  std::uint32_t config(std::uint32_t offset, std::uint32_t bytes) {
    return static_cast<std::uint32_t>(read(7, offset, bytes));
  }
  void set_config(std::uint32_t offset, std::uint32_t bytes, std::uint32_t value) {
    write(7, offset, bytes, value);
  }
  /// @return errno of the reply
  std::uint32_t map(std::uint64_t address, std::uint64_t bytes, std::uint64_t file_offset = 0,
                    std::uint32_t flags = 3);
  std::uint32_t unmap(std::uint64_t address, std::uint64_t bytes);
  void reset_device() { static_cast<void>(ask(13, {})); }
  /// Eventfds for MSI-X vectors 0 and 1.
  void assign_vectors();
  std::uint64_t events(std::size_t vector);

  // The guest's driver.
  std::uint32_t capability(std::uint8_t id);
  std::uint32_t extended_capability(std::uint16_t id);
  void enable_memory() { set_config(4, 2, 6); }
  void enable_msix();
  /// Register command, polled. @return error
  std::uint32_t command(std::uint32_t code, std::uint32_t operand);
  /// Device and queue 0; PASID of the guest, if one is given. @return error of Enable WQ
  std::uint32_t start_queue(std::optional<std::uint32_t> pasid);
  /// 8 stores of 8 bytes to slot n of the portal.
  void submit(const abi::Descriptor& descriptor, std::uint64_t slot = 0);
  /// Runs until the byte is not 0. @return it, 0 if it stays so
  std::uint8_t wait_status(std::uint64_t record, unsigned turns = 400);

  // Guest memory.
  std::byte* at(std::uint64_t address) { return memory + address; }
  void put(std::uint64_t address, std::uint64_t value);
  std::uint64_t get(std::uint64_t address) const;
  /// Root 100000h, context 101000h, directory 102000h, PASIDs 0..63 103000h; scalable, translating.
  void build_unit(RequesterId function);
  /// First-stage tables of 4 levels (A, D set) for 2 MiB from kVirtual, in pages from `table`;
  /// entry of the PASID.
  void bind(std::uint32_t pasid, std::uint64_t table);
  /// One 4 KiB page, below 2 MiB of virtual addresses at kVirtual.
  void map_page(std::uint64_t table, std::uint64_t virt, std::uint64_t phys);
  static constexpr std::uint64_t kVirtual = 0x7F00'0000'0000;
  /// Appends to the invalidation queue at 110000h (4 KiB, 32 bytes an entry), tail included.
  void invalidate(std::uint64_t low, std::uint64_t second = 0);

  std::unique_ptr<GuestFunction> function;
  VdevFunction* vdev = nullptr;
  HostFunction* host = nullptr;
  GuestUnit* unit = nullptr;
  std::unique_ptr<Endpoint> endpoint;
  std::unique_ptr<vfio_user::Server> server;
  std::optional<FakeMonitor> monitor;
  std::unique_ptr<vfio_user::test::Client> client;
  std::byte* memory = nullptr;
  std::vector<std::string> log;
  std::string socket;

 private:
  AttachRig& rig_;
  vfio_user::FileDescriptor file_;
  std::vector<vfio_user::FileDescriptor> vectors_;
  std::uint16_t next_id_ = 10;
  std::uint64_t tail_ = 0;
};

class AttachRig {
 public:
  enum Mode { kVdev, kHost };
  /// @param monitors  guests have remapping units
  AttachRig(Mode mode, std::size_t guests, bool monitors = false);
  ~AttachRig();

  GuestSide& guest(std::size_t i) { return *guests.at(i); }
  /// Everybody does what there is to do; then some cycles.
  void pump(unsigned turns = 1);
  /// As pump(), and nobody is patient.
  void pump_impatient(unsigned turns);
  /// Catches up with the guest's unit.
  void look(GuestSide& guest);

  std::string directory;
  boost::asio::io_context context;
  system::HostSide host;
  coro::Scheduler scheduler;
  system::Scenario scenario;
  system::DeviceSide device;
  system::IommuClock clock;
  std::optional<vdcm::HostDriver> driver;
  std::optional<vdcm::Vdcm> vdcm;
  std::optional<vdcm::Manager> manager;
  std::vector<std::unique_ptr<GuestSide>> guests;
};

}  // namespace siov::attach::test
