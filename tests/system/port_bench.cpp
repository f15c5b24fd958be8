// SPDX-License-Identifier: Apache-2.0
// The bench of the port-level suite: which device, and the shortest legal bring-up (DSA 1 to 3).
#include "port_bench.hpp"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/error.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kPatience = 2'000'000;  // cycles for any one access

}  // namespace

system::DeviceKind device_kind() {
  const char* const text = std::getenv("SIOV_DEVICE");
  system::DeviceKind kind = system::device_available(system::DeviceKind::kRtl)
                                ? system::DeviceKind::kRtl
                                : system::DeviceKind::kModel;
  if (text != nullptr && *text != '\0') {
    const std::string_view name(text);
    if (name == "rtl") {
      kind = system::DeviceKind::kRtl;
    } else if (name == "model") {
      kind = system::DeviceKind::kModel;
    } else if (name == "netlist") {
      kind = system::DeviceKind::kNetlist;
    } else {
      throw HarnessError("SIOV_DEVICE is '" + std::string(name) +
                         "', expected rtl, model or netlist");
    }
  }
  if (!system::device_available(kind))
    throw HarnessError("this build has no " + std::string(to_string(kind)) + " device");
  return kind;
}

void Host::note(Seen::Kind kind, const port::DmaRequest& r, std::size_t bytes, std::uint32_t data) {
  std::optional<std::uint32_t> pasid;
  if (r.pasid) pasid = r.pasid->value;
  seen.push_back({kind, r.address.value, bytes, pasid, r.privileged, data, r.requester.value,
                  r.at == port::AddressType::kTranslated});
}

std::optional<std::uint64_t> Host::locate(const port::DmaRequest& r, std::size_t bytes,
                                          bool write) {
  std::optional<std::uint64_t> at = r.address.value;
  if (r.at == port::AddressType::kTranslated) {
    pages.judge(r, bytes, write);
  } else {
    at = pages.resolve(r.pasid, r.address.value, write);
  }
  if (!at || *at + bytes > memory.size()) return std::nullopt;
  return at;
}

port::DmaStatus Host::read(const port::DmaRequest& r, std::span<std::byte> out) {
  note(Seen::kRead, r, out.size(), 0);
  const auto at = locate(r, out.size(), false);
  if (!at || bad_pages.contains(r.address.page().value)) return refusal;
  std::memcpy(out.data(), memory.data() + *at, out.size());
  return port::DmaStatus::kSuccess;
}

port::DmaStatus Host::write(const port::DmaRequest& r, std::span<const std::byte> data) {
  if (r.address.value >> 20 == 0xFEE && !r.pasid) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4 && i < data.size(); ++i)
      value |= std::to_integer<std::uint32_t>(data[i]) << 8 * i;
    note(Seen::kMessage, r, data.size(), value);
    return port::DmaStatus::kSuccess;
  }
  note(Seen::kWrite, r, data.size(), 0);
  const auto at = locate(r, data.size(), true);
  if (!at) return port::DmaStatus::kUnsupportedRequest;
  std::memcpy(memory.data() + *at, data.data(), data.size());
  return port::DmaStatus::kSuccess;
}

Record Host::record(std::uint64_t address) const {
  Record out{};
  for (unsigned i = 0; i < 32; ++i) out[i / 8] |= std::uint64_t{byte(address + i)} << 8 * (i % 8);
  return out;
}

void Host::fill_count(std::uint64_t address, std::size_t bytes, unsigned first) {
  for (std::size_t i = 0; i < bytes; ++i) memory[address + i] = static_cast<std::byte>(first + i);
}

std::vector<std::uint32_t> Host::messages() const {
  std::vector<std::uint32_t> out;
  for (const Seen& s : seen) {
    if (s.kind == Seen::kMessage) out.push_back(s.data);
  }
  return out;
}

std::vector<Seen> Host::touching(std::uint64_t address, std::size_t bytes) const {
  std::vector<Seen> out;
  for (const Seen& s : seen) {
    if (s.address < address + bytes && address < s.address + s.bytes) out.push_back(s);
  }
  return out;
}

PortBench::PortBench(std::uint64_t latency) {
  const system::DeviceKind kind = device_kind();
  if (kind == system::DeviceKind::kModel) {
    model::DeviceConfig config;
    config.requester = RequesterId{0x0100};
    config.latency_cycles = static_cast<unsigned>(latency);
    model_ = std::make_unique<model::DeviceModel>(host, scheduler, config);
    model_->set_ats_host(&host.pages);
    host.pages.device = model_.get();
    port_ = model_.get();
    return;
  }
  pcie::LinkConfig link;
  link.bdf = RequesterId{0x0100};
  link.read_latency_min = link.read_latency_max = static_cast<std::uint32_t>(latency);
  dut_ = system::make_link_device(kind, "");
  root_ = std::make_unique<pcie::RootComplex>(*dut_, host, scheduler, link, &host.pages);
  host.pages.device = root_.get();
  root_->reset();
  port_ = root_.get();
}

pcie::RootComplex& PortBench::root() {
  if (!root_) throw HarnessError("the model has no link");
  return *root_;
}

std::uint32_t PortBench::config(std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = scheduler.run(port_->config_read(offset, size), kPatience);
  EXPECT_EQ(r.status, port::CompletionStatus::kSuccess) << std::hex << offset;
  return static_cast<std::uint32_t>(r.data);
}

void PortBench::set_config(std::uint32_t offset, std::uint32_t value, std::uint32_t size) {
  EXPECT_EQ(scheduler.run(port_->config_write(offset, size, value), kPatience),
            port::CompletionStatus::kSuccess)
      << std::hex << offset;
}

port::ReadResult PortBench::access(port::Bar bar, std::uint64_t offset, std::uint32_t size) {
  return scheduler.run(port_->mmio_read(bar, offset, size), kPatience);
}

std::uint64_t PortBench::read(std::uint64_t offset, std::uint32_t size) {
  const port::ReadResult r = access(port::Bar::kControl, offset, size);
  EXPECT_EQ(r.status, port::CompletionStatus::kSuccess) << std::hex << offset;
  return r.data;
}

std::uint32_t PortBench::end_of_command() {
  for (int i = 0; i < 4000; ++i) {
    const auto status = static_cast<std::uint32_t>(read(0xA8));
    if ((status & 0x80000000u) == 0) return status;
    run(16);
  }
  ADD_FAILURE() << "command does not end";
  return 0xFFFFFFFF;
}

port::CompletionStatus PortBench::enqcmd(std::uint64_t offset, const Work& w) {
  const port::Line line = w.line();
  return scheduler.run(port_->deferrable_write64(offset, line), kPatience);
}

void PortBench::set_up_function() {
  set_config(0x10, static_cast<std::uint32_t>(kBar0));
  set_config(0x14, static_cast<std::uint32_t>(kBar0 >> 32));
  set_config(0x18, static_cast<std::uint32_t>(kBar2));
  set_config(0x1C, static_cast<std::uint32_t>(kBar2 >> 32));
  set_config(0x48, 0x2930, 2);  // 256-byte payloads, 512-byte reads, extended tags
  set_config(0x236, 0x0005, 2);
  set_config(0x82, 0x8000, 2);
  set_config(0x04, 0x0006, 2);
  port_->set_bar_base(port::Bar::kControl, kBar0);
  port_->set_bar_base(port::Bar::kPortal, kBar2);
  for (std::uint64_t v = 0; v < 9; ++v) {
    write(0x2000 + 16 * v, 0xFEE00000, 8);
    write(0x2008 + 16 * v, 0x50 + v, 8);
  }
}

void PortBench::enable_translation(std::uint32_t page_allocation) {
  set_config(0x226, 0x8000, 2);
  if (page_allocation == 0) return;
  set_config(0x24C, page_allocation);
  set_config(0x244, 0x0001, 2);
}

void PortBench::set_wq(unsigned wq, unsigned size, std::uint32_t dword2, unsigned threshold,
                       unsigned max_transfer) {
  const std::uint64_t base = 0x800 + 64 * wq;
  write(base, size);
  write(base + 4, threshold);
  write(base + 8, dword2);
  write(base + 12, max_transfer | 5u << 5);
}

void PortBench::set_group(unsigned group, std::uint64_t wqs, std::uint64_t engines) {
  write(0x600 + 64 * group, wqs, 8);
  write(0x620 + 64 * group, engines, 8);
}

void PortBench::bring_up() {
  set_up_function();
  set_wq(0, 16, 0x10001111);    // dedicated, priority 1, PASID 0x11 enabled
  set_wq(1, 8, 0x10000010, 4);  // shared, priority 1, PASID enabled
  set_group(0, 0x3, 0x1);
  write(0x80, 0x1060);
  EXPECT_EQ(command(1), 0u);
  EXPECT_EQ(command(6, 0), 0u);
  EXPECT_EQ(command(6, 1), 0u);
  host.seen.clear();
}

void PortBench::occupy_engine(std::uint64_t portal, std::uint32_t pasid) {
  Work w = Work::fill(0, 0x600000, 1u << 20, 0);
  w.flags = 0;
  w.word0 = pasid;
  const bool shared = (read(0x808 + 64 * (portal >> 14)) & 1) == 0;
  if (shared) {
    EXPECT_EQ(enqcmd(portal, w), port::CompletionStatus::kSuccess);
  } else {
    movdir(portal, w);
  }
  run(100);
}

void PortBench::function_level_reset() {
  set_config(0x48, config(0x48, 2) | 0x8000u, 2);
  run(200);
}

}  // namespace siov::test
