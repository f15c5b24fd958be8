// SPDX-License-Identifier: Apache-2.0
// Endpoint: what a vfio-user client talks to, carried out on a GuestFunction: configuration space,
// BARs, MSI-X, memory, reset. Portal writes become descriptors here.
//
//   Endpoint endpoint(function, scheduler);
//   co_await endpoint.prepare();                          // before the first client
//   vfio_user::Server server(context, options, endpoint);
//   endpoint.use(server);
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "attach/client_bars.hpp"
#include "attach/guest_function.hpp"
#include "attach/memory_alias.hpp"
#include "attach/portal_assembler.hpp"
#include "coro/lock.hpp"
#include "coro/scheduler.hpp"
#include "vdcm/capability_list.hpp"
#include "vfio_user/device.hpp"
#include "vfio_user/server.hpp"

namespace siov::attach {

struct EndpointCounts {
  std::uint64_t sessions = 0;  ///< clients that connected
  std::uint64_t refused = 0;   ///< that we ended: their guests did what cannot be carried out
  std::uint64_t reads = 0, writes = 0;  ///< of BARs
  std::uint64_t config_accesses = 0;
  std::uint64_t submissions = 0;  ///< descriptors written to portals
  std::uint64_t interrupts = 0;   ///< sent to the guest
  std::uint64_t resets = 0;
};

class Endpoint final : public vfio_user::Device {
 public:
  /// All outlive this.
  Endpoint(GuestFunction& function, coro::Scheduler& scheduler);
  ~Endpoint() override;

  /// Finds the capabilities, sizes and places the BARs.
  coro::Task<> prepare();
  void use(vfio_user::Server& server) { server_ = &server; }

  // vfio_user::Device
  [[nodiscard]] vfio_user::DeviceInfo info() const override;
  void connected() override;
  void disconnected(const std::string& why, vfio_user::Reply done) override;
  void read_region(const vfio_user::RegionAccess& access, vfio_user::ReadReply reply) override;
  void write_region(const vfio_user::RegionAccess& access, std::span<const std::byte> data,
                    vfio_user::Reply reply) override;
  void reset(vfio_user::Reply done) override;
  void dma_mapped(const vfio_user::DmaRange& range) override;
  void dma_unmapped(const vfio_user::DmaRange& range, vfio_user::Reply done) override;
  void irqs_changed(const vfio_user::IrqChange& change) override;

  /// Ends the client's session, as when the client had gone.
  void refuse(const std::string& why);
  /// Catches up with what the guest has invalidated, unless that is under way.
  void look();
  [[nodiscard]] bool looking() const { return looking_; }
  /// Of those under way: accesses that catch up with the guest's remapping unit first.
  [[nodiscard]] std::uint32_t catching_up() const { return catching_up_; }
  /// Accesses that have begun and not ended.
  [[nodiscard]] std::uint32_t under_way() const { return under_way_; }
  [[nodiscard]] const EndpointCounts& counts() const { return counts_; }
  [[nodiscard]] GuestFunction& function() { return function_; }
  /// Why the last client has gone; empty if none has.
  [[nodiscard]] const std::string& last_end() const { return last_end_; }

 private:
  /// Guest memory that the function may reach.
  struct Mapped {
    vfio_user::DmaRange range;
    std::shared_ptr<MemoryAlias> memory;
    std::uint64_t offset = 0;  ///< of the range in memory [bytes]
  };

  void start(coro::Task<> task, const char* what);
  coro::Task<> counted(coro::Task<> task);
  coro::Task<> read(vfio_user::RegionAccess access, vfio_user::ReadReply reply);
  coro::Task<> write(vfio_user::RegionAccess access, std::vector<std::byte> data,
                     vfio_user::Reply reply);
  coro::Task<std::uint64_t> read_piece(std::uint32_t region, std::uint64_t offset,
                                       std::uint32_t bytes);
  coro::Task<> write_piece(std::uint32_t region, std::uint64_t offset,
                           std::span<const std::byte> bytes);
  coro::Task<> write_config(std::uint32_t offset, std::uint32_t bytes, std::uint32_t value);
  coro::Task<> submit(std::uint64_t offset, port::Line line);
  coro::Task<> catch_up();
  coro::Task<> place_bars();
  coro::Task<> back_to_start(vfio_user::Reply done);
  coro::Task<> take_away(vfio_user::DmaRange range, vfio_user::Reply done);
  coro::Task<> add(Mapped fresh);
  coro::Task<> remove(std::size_t index);
  void map(Mapped fresh);
  void set_vector(std::uint32_t vector, bool on);
  void set_vectors();
  /// The function is as after power-on.
  coro::Task<> after_reset();

  GuestFunction& function_;
  coro::Scheduler& scheduler_;
  vfio_user::Server* server_ = nullptr;
  vdcm::CapabilityList capabilities_;
  std::uint64_t bar0_bytes_ = 0;
  std::uint64_t bar2_bytes_ = 0;
  std::uint32_t msix_table_ = 0;  ///< in BAR0 [bytes]
  std::uint32_t vectors_ = 0;
  ClientBars bars_;
  bool memory_on_ = false;      ///< the client lets the function answer in its BARs
  bool vectors_stale_ = false;  ///< the function's MSI-X table is not what the client wants
  PortalAssembler portals_;
  coro::Lock order_;  ///< accesses reach the function one after the other
  std::vector<Mapped> mapped_;
  std::uint32_t under_way_ = 0;
  std::uint32_t catching_up_ = 0;
  bool looking_ = false;
  EndpointCounts counts_;
  std::string last_end_;
};

}  // namespace siov::attach
