// SPDX-License-Identifier: Apache-2.0
// HostFunction: the physical function in front of a real guest that takes the host's place. Guest
// memory is the machine's memory; our remapping unit walks the tables that the guest's kernel
// built, and carries out the invalidations that it queued.
//
//   HostFunction function(host, device.port(), context, options);
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <string>

#include "attach/guest_function.hpp"
#include "attach/guest_unit.hpp"
#include "system/host_side.hpp"

namespace siov::attach {

struct HostFunctionOptions {
  std::string monitor;  ///< QMP socket of the guest
};

class HostFunction final : public GuestFunction {
 public:
  /// @param host  its function number is the guest's, its RAM lies above the guest's memory
  HostFunction(system::HostSide& host, port::DevicePort& device, boost::asio::io_context& context,
               const HostFunctionOptions& options);

  ~HostFunction() override;

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] port::DevicePort& port() override { return device_; }
  /// FLR; translation off.
  coro::Task<> reset() override;
  coro::Task<> catch_up() override;
  coro::Task<> before_command() override { co_return; }
  void map(const vfio_user::DmaRange& range, std::byte* host) override;
  coro::Task<> unmap(const vfio_user::DmaRange& range) override;
  [[nodiscard]] bool remaps() const override { return unit_.present(); }
  [[nodiscard]] bool remapping() const override { return unit_.translating(); }
  Message message(std::uint32_t vector) override;
  [[nodiscard]] TranslationCounts translation() const override { return counts_; }
  [[nodiscard]] GuestUnit& unit() { return unit_; }

 private:
  /// @return whether translation begins, or begins anew: nothing that is cached counts any more
  bool latch(const UnitRegisters& registers);
  /// Whether a descriptor of the guest concerns us, or cannot be carried out as it stands.
  enum class Use : std::uint8_t { kIgnore, kTake, kRefuse };
  [[nodiscard]] Use use_of(const vdcm::vtd::Descriptor& descriptor) const;
  coro::Task<> carry_out(std::vector<vdcm::vtd::Descriptor> descriptors);
  coro::Task<> drop_all(bool device_tlb);
  /// Whether the function answers Invalidate Requests: its ATS is on.
  coro::Task<bool> ats_on();

  std::string name_ = "host";
  system::HostSide& host_;
  port::DevicePort& device_;
  GuestUnit unit_;
  coro::Lock following_;
  std::map<std::uint32_t, vdcm::InterruptMessage> messages_;  ///< by vector
  std::uint16_t ats_ = 0;   ///< offset of the ATS capability; 0: not looked for, or none
  std::uint64_t root_ = 0;  ///< as latched
  bool translating_ = true;
  TranslationCounts counts_;
};

}  // namespace siov::attach
