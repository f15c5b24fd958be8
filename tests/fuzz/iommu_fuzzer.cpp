// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the input is a program of a driver and a device that know no rules. It writes
// table entries, registers and invalidation descriptors, sends DMA, translation and page requests
// and invalidation completions. There must be no crash, no hang, no undefined behaviour, and the
// invariants of IommuWorld::check().
//
//   make fuzz SECONDS=600
//
// Input: two bytes of flags, then operations: one byte (low 4 bits: which) and its operands.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "iommu_world.hpp"

namespace siov::iommu::fuzz {
namespace {

/// Little-endian numbers from the input; zeros behind its end.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint64_t take(unsigned bytes) {
    std::uint64_t value = 0;
    const std::size_t n = std::min<std::size_t>(bytes, rest_.size());
    for (std::size_t i = 0; i < n; ++i) value |= std::uint64_t{rest_[i]} << 8 * i;
    rest_ = rest_.subspan(n);
    return value;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)); }

 private:
  std::span<const std::uint8_t> rest_;
};

/// How short inputs name useful addresses: a page of the world, or any 64 bits.
std::uint64_t some_address(Input& in) {
  const std::uint8_t how = in.byte();
  switch (how >> 6) {
    case 0:
      return std::uint64_t{how & 0x1Fu} << 12 | in.byte();  // mapped by the skeleton
    case 1:
      return address_of(how) | in.byte();  // host address
    case 2:
      return 0xFEE0'0000 | in.take(2) << 2;  // interrupt range
    default:
      return in.take(8);
  }
}

RequesterId some_requester(Input& in) {
  const std::uint8_t how = in.byte();
  return RequesterId{how < 0xE0 ? IommuWorld::kRid : static_cast<std::uint16_t>(in.take(2))};
}

/// Low 3 bits: PASID of the skeleton; 7: any, 6: none.
std::optional<Pasid> some_pasid(Input& in, bool& privileged) {
  const std::uint8_t how = in.byte();
  privileged = (how & 8) != 0;
  if ((how & 7) == 6) return std::nullopt;
  if ((how & 7) == 7) return Pasid{static_cast<std::uint32_t>(in.take(3) & kMaxPasid)};
  return Pasid{how & 7u};
}

void write_entry(IommuWorld& world, Input& in) {
  const unsigned page = in.byte();
  const unsigned index = static_cast<unsigned>(in.take(2));
  world.poke(page, index, in.take(8));
}

/// An entry that points at a page of the world.
void link_entry(IommuWorld& world, Input& in) {
  const unsigned page = in.byte();
  const unsigned index = in.byte();
  const std::uint8_t to = in.byte();
  const std::uint64_t target = (to & 0x80) != 0 ? std::uint64_t{to & 0x1Fu} << 12 : address_of(to);
  const std::uint64_t low = in.take(2) & 0xFFF;
  world.poke(page, index, target | low);
}

void write_register(IommuWorld& world, Input& in) {
  const auto offset = static_cast<std::uint32_t>(in.take(2)) & 0xFFF;
  const unsigned size = (in.byte() & 1) != 0 ? 8 : 4;
  world.unit.mmio_write(offset, size, in.take(size));
}

void read_register(IommuWorld& world, Input& in) {
  const auto offset = static_cast<std::uint32_t>(in.take(2)) & 0xFFFF;
  (void)world.unit.mmio_read(offset, in.byte() & 15);
}

void descriptor(IommuWorld& world, Input& in) {
  std::array<std::uint64_t, 4> words{};
  words[0] = in.take(8);
  words[1] = in.take(8);
  world.submit(words);
}

/// Well-formed apart from its operands, so that each type is met often.
void known_descriptor(IommuWorld& world, Input& in) {
  const std::uint8_t type = in.byte();
  const std::uint64_t domain = in.byte() & 7;
  const std::uint64_t pasid = in.byte() & 7;
  const std::uint64_t page = std::uint64_t{in.byte()} << 12;
  const std::uint64_t rid = IommuWorld::kRid;
  const std::uint64_t g = std::uint64_t{type} >> 4 & 3;
  switch (type % 12) {
    case 0:
      return world.submit({0x1 | g << 4 | domain << 16 | rid << 32, 0, 0, 0});
    case 1:
      return world.submit({0x2 | g << 4 | 0xC0 | domain << 16, page, 0, 0});
    case 2:
      return world.submit({0x3 | rid << 32, page, 0, 0});
    case 3:
      return world.submit({0x4 | (g & 1) << 4 | (page >> 12) << 32, 0, 0, 0});
    case 4:
      return world.submit({0x25 | page << 20, address_of(kWaitStatus), 0, 0});
    case 5:
      return world.submit({0x35 | page << 20, address_of(kWaitStatus), 0, 0});
    case 6:
      return world.submit({0x45, 0, 0, 0});
    case 7:
      return world.submit({0xA5 | page << 20, address_of(kWaitStatus), 0, 0});
    case 8:
      return world.submit({0x6 | g << 4 | domain << 16 | pasid << 32, page, 0, 0});
    case 9:
      return world.submit({0x7 | g << 4 | domain << 16 | pasid << 32, 0, 0, 0});
    case 10:
      return world.submit({0x8 | rid << 16 | pasid << 32, page, 0, 0});
    default:
      return world.submit({0x9 | 0x10 | rid << 16 | pasid << 32, (page >> 12) << 3, 0, 0});
  }
}

void dma(IommuWorld& world, Input& in) {
  const std::uint8_t how = in.byte();
  port::DmaRequest request;
  request.requester = some_requester(in);
  request.pasid = some_pasid(in, request.privileged);
  request.address = Iova{some_address(in)};
  request.at = static_cast<port::AddressType>(how >> 6);
  static constexpr std::size_t kSizes[] = {4, 8, 0, 64, 1, 3, 16, 4096};
  std::size_t bytes = kSizes[how & 7];
  bytes = std::min<std::size_t>(bytes, kPageSize - request.address.page_offset());
  std::array<std::byte, kPageSize> buffer{};
  const std::uint64_t value = in.take(how & 8 ? 8 : 0);
  std::memcpy(buffer.data(), &value, sizeof value);
  if ((how & 0x10) != 0) {
    (void)world.unit.write(request, std::span(buffer).first(bytes));
  } else {
    (void)world.unit.read(request, std::span(buffer).first(bytes));
  }
}

void translate(IommuWorld& world, Input& in) {
  port::TranslationRequest request;
  request.no_write = (in.byte() & 1) != 0;
  request.requester = some_requester(in);
  request.pasid = some_pasid(in, request.privileged);
  request.address = Iova{some_address(in)}.page();
  (void)world.unit.translate(request);
}

void page_request(IommuWorld& world, Input& in) {
  const std::uint8_t how = in.byte();
  port::PageRequest request;
  request.read = (how & 1) != 0;
  request.write = (how & 2) != 0;
  request.last = (how & 4) != 0;
  request.requester = some_requester(in);
  request.pasid = some_pasid(in, request.privileged);
  request.address = some_address(in) & ~std::uint64_t{0xFFF};
  request.group = static_cast<std::uint16_t>(in.take(2) & 0x1FF);
  world.unit.page_request(request);
}

void completion(IommuWorld& world, Input& in) {
  port::InvalidateCompletion done;
  done.device = some_requester(in);
  done.itags = static_cast<std::uint32_t>(in.take(4));
  done.count = in.byte() & 7;
  world.unit.invalidate_completion(done);
}

void view(IommuWorld& world, Input& in) {
  bool privileged = false;
  const Pasid pasid = some_pasid(in, privileged).value_or(Pasid{});
  const Iova address{some_address(in)};
  std::array<std::byte, 64> out{};
  world.unit.set_view_requester(some_requester(in));
  (void)world.unit.peek(pasid, address, out);
  (void)world.unit.writable(pasid, address, out.size());
}

void run(std::span<const std::uint8_t> bytes) {
  Input in(bytes);
  IommuWorld world(static_cast<std::uint16_t>(in.take(2)));
  std::uint64_t now = 0;
  for (unsigned n = 0; n < 400 && !in.empty(); ++n) {
    switch (in.byte() & 15) {
      case 0:
        write_entry(world, in);
        break;
      case 1:
        link_entry(world, in);
        break;
      case 2:
        write_register(world, in);
        break;
      case 3:
        read_register(world, in);
        break;
      case 4:
        descriptor(world, in);
        break;
      case 5:
        known_descriptor(world, in);
        break;
      case 6:
      case 7:
        dma(world, in);
        break;
      case 8:
        translate(world, in);
        break;
      case 9:
        page_request(world, in);
        break;
      case 10:
        completion(world, in);
        break;
      case 11:
        world.complete_oldest();
        break;
      case 12:
        world.unit.advance(now += in.take(2));
        break;
      case 13:
        view(world, in);
        break;
      case 14:
        world.unit.mmio_write(0x18, 4, std::uint64_t{in.byte()} << 24);
        break;  // GCMD
      default:
        world.unit.mmio_write(0x34, 4, 0x71);
        break;  // FSTS
    }
  }
  world.check();
}

}  // namespace
}  // namespace siov::iommu::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  siov::iommu::fuzz::run({data, size});
  return 0;
}

/// Each input makes a unit anew: freed memory need not be kept from use for long.
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=4:malloc_context_size=4";
}
