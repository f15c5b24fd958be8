// SPDX-License-Identifier: Apache-2.0
// Guests of the tests.
#include "rig.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace siov::attach::test {

using vfio_user::test::Bytes;
using vfio_user::test::Client;
using vfio_user::test::Payload;
using vfio_user::test::Received;

namespace {

std::string make_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "siov-attach-XXXXXX").string();
  return ::mkdtemp(pattern.data());
}

system::HostIdentity identity(AttachRig::Mode mode) {
  system::HostIdentity out;
  if (mode != AttachRig::kHost) return out;
  out.function = RequesterId{0x0020};
  out.ram = {{Hpa{std::uint64_t{1} << 40}, std::uint64_t{1} << 30}};
  return out;
}

system::Scenario scenario_of(std::size_t queues) {
  system::Scenario s;
  s.groups.emplace_back().engines = {0, 1, 2, 3};
  for (std::size_t i = 0; i < queues; ++i) s.wqs.emplace_back().size = 16;
  return s;
}

system::DeviceOptions model() {
  system::DeviceOptions options;
  options.kind = system::DeviceKind::kModel;
  return options;
}

}  // namespace

GuestSide::GuestSide(AttachRig& rig, std::string directory, bool with_monitor)
    : rig_(rig), file_(::memfd_create("guest", MFD_CLOEXEC)) {
  socket = directory + "/vfio";
  if (with_monitor) monitor.emplace(directory + "/qmp");
  EXPECT_EQ(::ftruncate(file_.get(), static_cast<off_t>(kRam)), 0);
  memory = static_cast<std::byte*>(
      ::mmap(nullptr, kRam, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0));
}

GuestSide::~GuestSide() { ::munmap(memory, kRam); }

void GuestSide::connect() {
  client = std::make_unique<Client>(socket);
  client->command(1, 1, Client::version());
  std::optional<Received> reply;
  for (int i = 0; i < 2000 && !reply; ++i) {
    rig_.pump();
    reply = client->receive();
  }
  ASSERT_TRUE(reply && reply->flags == 1) << "VERSION was refused";
}

void GuestSide::vanish() { client.reset(); }

Received GuestSide::ask(std::uint16_t command, const Bytes& payload,
                        std::initializer_list<int> fds) {
  const std::uint16_t id = next_id_++;
  client->command(id, command, payload, fds);
  for (int i = 0; i < 4000; ++i) {
    if (auto reply = client->receive()) {
      EXPECT_EQ(reply->id, id);
      return std::move(*reply);
    }
    rig_.pump();
  }
  ADD_FAILURE() << "no reply to command " << command;
  Received none;
  none.error = ~0U;
  return none;
}

std::uint64_t GuestSide::read(std::uint32_t region, std::uint64_t offset, std::uint32_t bytes) {
  const Received reply = ask(9, Payload().u64(offset).u32(region).u32(bytes));
  if (reply.error != 0 || reply.payload.size() != 16 + bytes) {
    ADD_FAILURE() << "read of region " << region << " at " << offset << ": " << reply.error;
    return 0;
  }
  return reply.number(16, static_cast<int>(bytes));
}

void GuestSide::write(std::uint32_t region, std::uint64_t offset, std::uint32_t bytes,
                      std::uint64_t value) {
  Payload payload;
  payload.u64(offset).u32(region).u32(bytes);
  for (std::uint32_t i = 0; i < bytes; ++i)
    payload.fill(1, static_cast<unsigned>(value >> (8 * i) & 0xFF));
  EXPECT_EQ(ask(10, payload).error, 0U);
}

std::uint32_t GuestSide::map(std::uint64_t address, std::uint64_t bytes, std::uint64_t file_offset,
                             std::uint32_t flags) {
  return ask(2, Payload().u32(32).u32(flags).u64(file_offset).u64(address).u64(bytes),
             {file_.get()})
      .error;
}

std::uint32_t GuestSide::unmap(std::uint64_t address, std::uint64_t bytes) {
  return ask(3, Payload().u32(24).u32(0).u64(address).u64(bytes)).error;
}

void GuestSide::assign_vectors() {
  vectors_.clear();
  vectors_.emplace_back(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  vectors_.emplace_back(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  EXPECT_EQ(ask(8, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(2),
                {vectors_[0].get(), vectors_[1].get()})
                .error,
            0U);
}

std::uint64_t GuestSide::events(std::size_t vector) {
  std::uint64_t count = 0;
  if (::read(vectors_.at(vector).get(), &count, 8) != 8) return 0;
  return count;
}

std::uint32_t GuestSide::capability(std::uint8_t id) {
  std::uint32_t at = config(0x34, 1);
  for (int i = 0; i < 48 && at != 0; ++i) {
    if (config(at, 1) == id) return at;
    at = config(at + 1, 1);
  }
  ADD_FAILURE() << "no capability " << unsigned{id};
  return 0x40;
}

std::uint32_t GuestSide::extended_capability(std::uint16_t id) {
  std::uint32_t at = 0x100;
  for (int i = 0; i < 48 && at != 0; ++i) {
    const std::uint32_t header = config(at, 4);
    if ((header & 0xFFFF) == id) return at;
    at = header >> 20;
  }
  ADD_FAILURE() << "no extended capability " << id;
  return 0x100;
}

void GuestSide::enable_msix() {
  const std::uint32_t at = capability(0x11) + 2;
  set_config(at, 2, (config(at, 2) & 0x3FFF) | 0x8000);
}

std::uint32_t GuestSide::command(std::uint32_t code, std::uint32_t operand) {
  write(0, 0xA0, 4, code << 20 | operand);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t status = read(0, 0xA8, 4);
    if ((status & 0x8000'0000) == 0) return static_cast<std::uint32_t>(status & 0xFF);
    rig_.pump();
  }
  ADD_FAILURE() << "command " << code << " does not end";
  return 0xFF;
}

std::uint32_t GuestSide::start_queue(std::optional<std::uint32_t> pasid) {
  enable_memory();
  if (pasid) {
    set_config(extended_capability(0x1B) + 6, 2, 1);
    if (vdev != nullptr) {  // a VDEV wants all three. @spec SIOV-H-15
      const std::uint32_t ats = extended_capability(0x0F);
      set_config(ats + 6, 2, config(ats + 6, 2) | 0x8000);
      const std::uint32_t pri = extended_capability(0x13);
      set_config(pri + 12, 4, config(pri + 8, 4));
      set_config(pri + 4, 2, 1);
    }
  }
  const std::uint64_t offsets = read(0, 0x60, 8);  // dsa.md 2.2
  const std::uint64_t grpcfg = (offsets & 0xFFFF) * 0x100;
  const std::uint64_t wqcfg = (offsets >> 16 & 0xFFFF) * 0x100;
  std::uint64_t mode = 1;
  if (host != nullptr) {
    write(0, grpcfg, 8, 1);         // queue 0
    write(0, grpcfg + 0x20, 8, 1);  // engine 0
    write(0, wqcfg, 4, 16);         // entries
    write(0, wqcfg + 12, 4, 20 | 5 << 5);
    mode = 1 | 1 << 4;  // dedicated, priority 1
  } else {
    mode = read(0, wqcfg + 8, 4) & 0xFF;
  }
  if (pasid) mode |= std::uint64_t{*pasid} << 8 | 1U << 28;
  write(0, wqcfg + 8, 4, mode);
  EXPECT_EQ(command(1, 0), 0U);  // Enable Device
  return command(6, 0);          // Enable WQ
}

void GuestSide::submit(const abi::Descriptor& descriptor, std::uint64_t slot) {
  const std::array<std::byte, 64> line = abi::to_line(descriptor);
  for (std::uint64_t i = 0; i < 8; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, line.data() + 8 * i, 8);
    write(2, 64 * slot + 8 * i, 8, word);
  }
}

std::uint8_t GuestSide::wait_status(std::uint64_t record, unsigned turns) {
  for (unsigned i = 0; i < turns && *at(record) == std::byte{0}; ++i) rig_.pump();
  return std::to_integer<std::uint8_t>(*at(record));
}

void GuestSide::put(std::uint64_t address, std::uint64_t value) {
  std::memcpy(at(address), &value, 8);
}

std::uint64_t GuestSide::get(std::uint64_t address) const {
  std::uint64_t value = 0;
  std::memcpy(&value, memory + address, 8);
  return value;
}

void GuestSide::build_unit(RequesterId function_number) {
  put(0x100000 + 16ULL * (function_number.value >> 8), 0x101001);
  put(0x101000 + 32ULL * (function_number.value & 0x7F), 0x102009);
  put(0x102000, 0x103001);
  monitor->set_root(0x100400);
  monitor->set_queue(0x110800);
  monitor->set_status(0x8400'0000);
}

void GuestSide::bind(std::uint32_t pasid, std::uint64_t table) {
  put(table, 0);
  const unsigned top = kVirtual >> 39 & 0x1FF;
  put(table + 8 * top, (table + 0x1000) | 0x27);
  put(table + 0x1000 + 8 * (kVirtual >> 30 & 0x1FF), (table + 0x2000) | 0x27);
  put(table + 0x2000 + 8 * (kVirtual >> 21 & 0x1FF), (table + 0x3000) | 0x27);
  put(0x103000 + 64ULL * pasid + 8, 1);       // DID
  put(0x103000 + 64ULL * pasid + 16, table);  // FSPTPTR
  put(0x103000 + 64ULL * pasid, 0x41);        // P, PGTT 001
}

void GuestSide::map_page(std::uint64_t table, std::uint64_t virt, std::uint64_t phys) {
  put(table + 0x3000 + 8 * (virt >> 12 & 0x1FF), phys | 0x67);
}

void GuestSide::invalidate(std::uint64_t low, std::uint64_t second) {
  put(0x110000 + tail_, low);
  put(0x110000 + tail_ + 8, second);
  tail_ = (tail_ + 32) % 4096;
  monitor->set_tail(tail_);
}

AttachRig::AttachRig(Mode mode, std::size_t count, bool monitors)
    : directory(make_directory()),
      host(false, false, std::nullopt, identity(mode)),
      scenario(scenario_of(count)),
      device(host, scheduler, scenario, model()),
      clock(host.iommu) {
  scheduler.add_clocked(clock);
  if (mode == kVdev) {
    driver.emplace(device.port(), host.platform, host.iommu_driver, system::host_config(scenario));
    vdcm.emplace(*driver);
    manager.emplace(*vdcm);
    scheduler.run(driver->start(), 1'000'000);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::string place = directory + "/" + std::to_string(i);
    std::filesystem::create_directory(place);
    auto guest = std::make_unique<GuestSide>(*this, place, monitors);
    const std::string qmp = monitors ? place + "/qmp" : std::string();
    if (mode == kVdev) {
      VdevFunctionOptions options;
      options.name = "guest-" + std::to_string(i);
      options.monitor = qmp;
      options.number = static_cast<std::uint32_t>(i);
      auto made = std::make_unique<VdevFunction>(host, *manager, context, options);
      scheduler.run(made->create(), 1'000'000);
      guest->vdev = made.get();
      guest->unit = &made->unit();
      guest->function = std::move(made);
    } else {
      auto made = std::make_unique<HostFunction>(host, device.port(), context,
                                                 HostFunctionOptions{.monitor = qmp});
      guest->host = made.get();
      guest->unit = &made->unit();
      guest->function = std::move(made);
    }
    guest->endpoint = std::make_unique<Endpoint>(*guest->function, scheduler);
    scheduler.run(guest->endpoint->prepare(), 1'000'000);
    vfio_user::ServerOptions options;
    options.socket_path = guest->socket;
    options.log = [&log = guest->log](const std::string& line) { log.push_back(line); };
    guest->server = std::make_unique<vfio_user::Server>(context, options, *guest->endpoint);
    guest->endpoint->use(*guest->server);
    guests.push_back(std::move(guest));
  }
}

AttachRig::~AttachRig() {
  scheduler.cancel_all();
  guests.clear();
  std::filesystem::remove_all(directory);
}

void AttachRig::pump(unsigned turns) {
  for (unsigned i = 0; i < turns; ++i) {
    for (const auto& guest : guests) {
      if (guest->monitor) guest->monitor->serve();
    }
    guests.front()->server->poll();
    scheduler.run_cycles(64);
  }
}

void AttachRig::pump_impatient(unsigned turns) {
  for (unsigned i = 0; i < turns; ++i) {
    pump();
    for (const auto& guest : guests)
      guest->unit->check_patience(std::chrono::steady_clock::now() + std::chrono::seconds(1));
  }
}

void AttachRig::look(GuestSide& guest) {
  guest.endpoint->look();
  for (int i = 0; i < 200 && guest.endpoint->looking(); ++i) pump();
  EXPECT_FALSE(guest.endpoint->looking());
}

}  // namespace siov::attach::test
